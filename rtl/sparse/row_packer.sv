// Packs rows that are partly filled into full rows.
//
// Contract: in_count_i elements in the lowest lanes of each row, zero above; in_last_i ends a packet. The same elements
// leave in the same order, in rows that are full up to the last one of the packet, which holds 1..Lanes elements, or
// none if the packet has none. Beats are neither lost nor made up under any stalls. clear_i drops everything.
// Cycles: a full row is offered in the cycle after the beat that brings the first element beyond it. The last row is
// offered in the cycle after the last beat, one cycle later if that beat also fills a row. One beat a cycle, and one
// cycle more for each such packet.
`include "archsim_assert.svh"

module row_packer
  import archsim_pkg::*;
#(
    parameter int unsigned Lanes = 16,
    parameter int unsigned Width = 12,
    localparam int unsigned CountWidth = count_width(Lanes)
) (
    input  logic                             clk_i,
    input  logic                             rst_ni,
    input  logic                             clear_i,
    input  logic                             in_valid_i,
    output logic                             in_ready_o,
    input  logic                             in_last_i,
    input  logic [CountWidth-1:0]            in_count_i,
    input  logic [     Lanes-1:0][Width-1:0] in_data_i,
    output logic                             out_valid_o,
    input  logic                             out_ready_i,
    output logic                             out_last_o,
    output logic [CountWidth-1:0]            out_count_o,
    output logic [     Lanes-1:0][Width-1:0] out_data_o
);
  logic [Lanes-1:0][Width-1:0] tail_q, row, tail, out_q;
  logic [CountWidth-1:0] tail_count_q, tail_count, out_count_q;
  logic flush_q, out_valid_q, out_last_q, full, free, take;

  row_merge #(
      .Lanes(Lanes),
      .Width(Width)
  ) u_merge (
      .tail_i      (tail_q),
      .tail_count_i(tail_count_q),
      .row_i       (in_data_i),
      .row_count_i (in_count_i),
      .full_o      (full),
      .row_o       (row),
      .tail_o      (tail),
      .tail_count_o(tail_count)
  );

  assign free        = !out_valid_q || out_ready_i;
  assign in_ready_o  = free && !flush_q;
  assign take        = in_valid_i && in_ready_o;
  assign out_valid_o = out_valid_q;
  assign out_last_o  = out_last_q;
  assign out_count_o = out_count_q;
  assign out_data_o  = out_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      tail_q <= '0;
      tail_count_q <= '0;
      flush_q <= 1'b0;
      out_valid_q <= 1'b0;
    end else if (clear_i) begin
      tail_q <= '0;
      tail_count_q <= '0;
      flush_q <= 1'b0;
      out_valid_q <= 1'b0;
    end else if (free) begin
      out_valid_q <= flush_q || (take && (full || in_last_i));
      flush_q <= take && full && in_last_i;
      if (flush_q || (take && in_last_i && !full)) begin
        tail_q <= '0;
        tail_count_q <= '0;
      end else if (take) begin
        tail_q <= tail;
        tail_count_q <= tail_count;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (free) begin
      out_last_q  <= flush_q || !full;
      out_count_q <= flush_q ? tail_count_q : full ? CountWidth'(Lanes) : tail_count;
      out_q       <= flush_q ? tail_q : row;
    end
  end

  `ARCHSIM_ARMED
  `ARCHSIM_ASSUME(CountFits, !in_valid_i || in_count_i <= CountWidth'(Lanes))
  `ARCHSIM_ASSERT(TailFits, tail_count_q <= CountWidth'(Lanes))
  `ARCHSIM_ASSERT(OutFits, !out_valid_q || out_count_q <= CountWidth'(Lanes))
  `ARCHSIM_ASSERT(ShortIsLast, !out_valid_q || out_last_q || out_count_q == CountWidth'(Lanes))
  `ARCHSIM_ASSERT(FlushHasTail, !flush_q || tail_count_q != '0)
endmodule

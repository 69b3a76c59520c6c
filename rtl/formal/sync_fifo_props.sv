// Data integrity of sync_fifo: any one beat, marked on its way in, comes out unchanged after exactly the beats that
// were before it. The mark is a free input, so this holds for every beat: none is lost, made up, changed or overtaken.
`include "archsim_assert.svh"

module sync_fifo_props
  import archsim_pkg::*;
#(
    parameter int unsigned Width = 4,
    parameter int unsigned Depth = 4,
    localparam int unsigned CountWidth = count_width(Depth)
) (
    input logic             clk_i,
    input logic             rst_ni,
    input logic             in_valid_i,
    input logic [Width-1:0] in_data_i,
    input logic             out_ready_i,
    input logic             mark_i
);
  logic in_ready, out_valid, push, pop, marked_q;
  logic [Width-1:0] out_data, data_q;
  logic [CountWidth-1:0] count, ahead_q;

  sync_fifo #(
      .Width(Width),
      .Depth(Depth)
  ) u_dut (
      .clk_i,
      .rst_ni,
      .clear_i    (1'b0),
      .in_valid_i,
      .in_ready_o (in_ready),
      .in_data_i,
      .out_valid_o(out_valid),
      .out_ready_i,
      .out_data_o (out_data),
      .count_o    (count)
  );
  assign push = in_valid_i && in_ready;
  assign pop  = out_valid && out_ready_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      marked_q <= 1'b0;
    end else if (!marked_q) begin
      marked_q <= push && mark_i;
    end else if (pop && ahead_q == '0) begin
      marked_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!marked_q) begin
      ahead_q <= count - CountWidth'(pop);
      data_q  <= in_data_i;
    end else if (pop) begin
      ahead_q <= ahead_q - 1'b1;
    end
  end

  `ARCHSIM_ARMED
  `ARCHSIM_ASSERT(MarkedComesOut, !marked_q || ahead_q != '0 || (out_valid && out_data == data_q))
  `ARCHSIM_ASSERT(FullStops, in_ready == (32'(count) < Depth))
  // For induction: where the marked beat stands.
  `ARCHSIM_ASSERT(MarkedInside, !marked_q || ahead_q < count)
  `ARCHSIM_ASSERT(MarkedStands,
                  !marked_q || u_dut.mem_q[(32'(u_dut.read_q)+32'(ahead_q))%Depth] == data_q)
  `ARCHSIM_COVER(Full, 32'(count) == Depth && marked_q && ahead_q == CountWidth'(Depth - 1))
endmodule

// First-in first-out queue with one clock.
//
// Contract: beats leave in the order in which they came, none is lost or made up, whatever the stalls on both sides.
// Up to Depth beats are held. in_ready_o depends on the state alone: a full queue takes nothing, even while it gives.
// clear_i empties the queue at the next edge; what comes or goes in that cycle is lost.
// Cycles: a beat taken in cycle t is offered from cycle t + 1. One beat a cycle in and out.
`include "archsim_assert.svh"

module sync_fifo
  import archsim_pkg::*;
#(
    parameter int unsigned Width = 8,
    parameter int unsigned Depth = 4,
    localparam int unsigned CountWidth = count_width(Depth)
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    input  logic                  clear_i,
    input  logic                  in_valid_i,
    output logic                  in_ready_o,
    input  logic [     Width-1:0] in_data_i,
    output logic                  out_valid_o,
    input  logic                  out_ready_i,
    output logic [     Width-1:0] out_data_o,
    output logic [CountWidth-1:0] count_o
);
  localparam int unsigned PointerWidth = index_width(Depth);
  localparam logic [PointerWidth-1:0] Last = PointerWidth'(Depth - 1);

  logic [Width-1:0] mem_q[Depth];
  logic [PointerWidth-1:0] write_q, read_q;
  logic [CountWidth-1:0] count_q;
  logic push, pop;

  assign in_ready_o  = count_q != CountWidth'(Depth);
  assign out_valid_o = count_q != '0;
  assign out_data_o  = mem_q[read_q];
  assign count_o     = count_q;
  assign push        = in_valid_i && in_ready_o;
  assign pop         = out_valid_o && out_ready_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      write_q <= '0;
      read_q  <= '0;
      count_q <= '0;
    end else if (clear_i) begin
      write_q <= '0;
      read_q  <= '0;
      count_q <= '0;
    end else begin
      if (push) write_q <= (write_q == Last) ? '0 : write_q + 1'b1;
      if (pop) read_q <= (read_q == Last) ? '0 : read_q + 1'b1;
      count_q <= count_q + CountWidth'(push) - CountWidth'(pop);
    end
  end

  always_ff @(posedge clk_i) begin
    if (push) mem_q[write_q] <= in_data_i;
  end

  // What induction needs: the pointers stay inside and their distance is the count.
  `ARCHSIM_ARMED
  `ARCHSIM_ASSERT(CountInRange, 32'(count_q) <= Depth)
  `ARCHSIM_ASSERT(PointersInRange, 32'(write_q) < Depth && 32'(read_q) < Depth)
  `ARCHSIM_ASSERT(DistanceIsCount, 32'(write_q) == (32'(read_q) + 32'(count_q)) % Depth)
endmodule

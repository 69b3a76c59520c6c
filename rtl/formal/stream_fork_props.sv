// Each output of stream_fork takes each beat exactly once, and the input goes when all have it.
`include "archsim_assert.svh"

module stream_fork_props #(
    parameter int unsigned Width   = 4,
    parameter int unsigned Outputs = 3
) (
    input logic               clk_i,
    input logic               rst_ni,
    input logic               in_valid_i,
    input logic [  Width-1:0] in_data_i,
    input logic [Outputs-1:0] out_ready_i
);
  logic in_ready;
  logic [Outputs-1:0] out_valid, fire, taken_q;
  logic [Width-1:0] out_data;

  stream_fork #(
      .Width  (Width),
      .Outputs(Outputs)
  ) u_dut (
      .clk_i,
      .rst_ni,
      .in_valid_i,
      .in_ready_o (in_ready),
      .in_data_i,
      .out_valid_o(out_valid),
      .out_ready_i,
      .out_data_o (out_data)
  );
  assign fire = out_valid & out_ready_i;

  // Who has taken the beat that stands at the input.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) taken_q <= '0;
    else taken_q <= (in_valid_i && in_ready) ? '0 : taken_q | fire;
  end

  // The source keeps its promise: a beat offered stays.
  logic waits_q;
  logic [Width-1:0] data_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) waits_q <= 1'b0;
    else waits_q <= in_valid_i && !in_ready;
  end
  always_ff @(posedge clk_i) data_q <= in_data_i;

  `ARCHSIM_ARMED
  `ARCHSIM_ASSUME(OfferStays, !waits_q || (in_valid_i && in_data_i == data_q))
  `ARCHSIM_ASSERT(NoneTwice, (fire & taken_q) == '0)
  `ARCHSIM_ASSERT(AllHaveIt, !(in_valid_i && in_ready) || (&(taken_q | fire)))
  `ARCHSIM_ASSERT(GoesAtOnce, !in_valid_i || in_ready == (&(taken_q | fire)))
  `ARCHSIM_ASSERT(OfferedToTheRest, !in_valid_i || out_valid == ~taken_q)
  `ARCHSIM_ASSERT(SameData, out_valid == '0 || out_data == in_data_i)
  // For induction.
  `ARCHSIM_ASSERT(ServedIsTaken, taken_q == u_dut.served_q)
  `ARCHSIM_ASSERT(TakenWaits, taken_q == '0 || waits_q)
  `ARCHSIM_COVER(OneLeft, in_valid_i && taken_q == Outputs'(2'd3) && in_ready)
endmodule

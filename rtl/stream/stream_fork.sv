// One stream to several: every output takes every beat once, each when it is ready.
//
// Contract: the input is taken in the cycle in which the last output takes the beat; an output that took it early is
// not offered it again. out_valid_o depends on in_valid_i and the state, never on out_ready_i.
// Cycles: offered in the cycle in which it arrives; one beat a cycle when all outputs are ready.
`include "archsim_assert.svh"

module stream_fork #(
    parameter int unsigned Width   = 8,
    parameter int unsigned Outputs = 2
) (
    input  logic               clk_i,
    input  logic               rst_ni,
    input  logic               in_valid_i,
    output logic               in_ready_o,
    input  logic [  Width-1:0] in_data_i,
    output logic [Outputs-1:0] out_valid_o,
    input  logic [Outputs-1:0] out_ready_i,
    output logic [  Width-1:0] out_data_o
);
  logic [Outputs-1:0] served_q;

  assign out_valid_o = in_valid_i ? ~served_q : '0;
  assign out_data_o  = in_data_i;
  assign in_ready_o  = &(served_q | out_ready_i);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      served_q <= '0;
    end else if (in_valid_i) begin
      served_q <= in_ready_o ? '0 : (served_q | out_ready_i);
    end
  end

  `ARCHSIM_ARMED
  `ARCHSIM_ASSERT(SomeoneWaits, !(&served_q))
endmodule

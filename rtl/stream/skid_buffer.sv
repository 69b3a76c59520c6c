// Register slice that cuts both paths: neither data and valid nor ready pass through combinationally.
//
// Contract: beats leave in the order in which they came, none is lost or made up, whatever the stalls on both sides.
// Up to two beats are held. in_ready_o and out_valid_o depend on the state alone.
// Cycles: a beat taken in cycle t is offered from cycle t + 1. One beat a cycle in and out.
`include "archsim_assert.svh"

module skid_buffer #(
    parameter int unsigned Width = 8
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             in_valid_i,
    output logic             in_ready_o,
    input  logic [Width-1:0] in_data_i,
    output logic             out_valid_o,
    input  logic             out_ready_i,
    output logic [Width-1:0] out_data_o
);
  logic [Width-1:0] main_q, skid_q;
  logic main_valid_q, skid_valid_q;
  logic take, give;

  assign in_ready_o  = !skid_valid_q;
  assign out_valid_o = main_valid_q;
  assign out_data_o  = main_q;
  assign take        = in_valid_i && in_ready_o;
  assign give        = out_ready_i || !main_valid_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      main_valid_q <= 1'b0;
      skid_valid_q <= 1'b0;
    end else if (give) begin
      main_valid_q <= skid_valid_q || take;
      skid_valid_q <= 1'b0;
    end else begin
      skid_valid_q <= skid_valid_q || take;
    end
  end

  always_ff @(posedge clk_i) begin
    if (give) main_q <= skid_valid_q ? skid_q : in_data_i;
    if (take) skid_q <= in_data_i;
  end

  `ARCHSIM_ARMED
  `ARCHSIM_ASSERT(SkidBehindMain, main_valid_q || !skid_valid_q)
endmodule

// Data integrity of skid_buffer: see sync_fifo_props.
`include "archsim_assert.svh"

module skid_buffer_props #(
    parameter int unsigned Width = 4
) (
    input logic             clk_i,
    input logic             rst_ni,
    input logic             in_valid_i,
    input logic [Width-1:0] in_data_i,
    input logic             out_ready_i,
    input logic             mark_i
);
  logic in_ready, out_valid, push, pop, marked_q, ahead_q;
  logic [Width-1:0] out_data, data_q;
  logic [1:0] count_q;

  skid_buffer #(
      .Width(Width)
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
  assign push = in_valid_i && in_ready;
  assign pop  = out_valid && out_ready_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q  <= '0;
      marked_q <= 1'b0;
    end else begin
      count_q <= count_q + 2'(push) - 2'(pop);
      if (!marked_q) marked_q <= push && mark_i;
      else if (pop && !ahead_q) marked_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!marked_q) begin
      ahead_q <= (count_q - 2'(pop)) != '0;
      data_q  <= in_data_i;
    end else if (pop) begin
      ahead_q <= 1'b0;
    end
  end

  `ARCHSIM_ARMED
  `ARCHSIM_ASSERT(MarkedComesOut, !marked_q || ahead_q || (out_valid && out_data == data_q))
  `ARCHSIM_ASSERT(ReadyBelowTwo, in_ready == (count_q < 2'd2) && out_valid == (count_q != '0))
  // For induction: where the marked beat stands.
  `ARCHSIM_ASSERT(CountIsHeld, count_q == 2'(u_dut.main_valid_q) + 2'(u_dut.skid_valid_q))
  `ARCHSIM_ASSERT(MarkedStands,
                  !(marked_q && ahead_q) || (u_dut.skid_valid_q && u_dut.skid_q == data_q))
  `ARCHSIM_COVER(Full, count_q == 2'd2 && marked_q && ahead_q)
endmodule

// Data integrity of row_packer: any one element, marked on its way in, leaves unchanged after exactly the elements that
// were before it; a packet's last row, and no other, carries the last mark and may be short.
`include "archsim_assert.svh"

module row_packer_props
  import archsim_pkg::*;
#(
    parameter int unsigned Lanes = 2,
    parameter int unsigned Width = 2,
    localparam int unsigned CountWidth = count_width(Lanes),
    localparam int unsigned HeldWidth = count_width(2 * Lanes),
    localparam int unsigned LaneWidth = index_width(Lanes)
) (
    input logic                             clk_i,
    input logic                             rst_ni,
    input logic                             in_valid_i,
    input logic                             in_last_i,
    input logic [CountWidth-1:0]            in_count_i,
    input logic [     Lanes-1:0][Width-1:0] in_data_i,
    input logic                             out_ready_i,
    input logic                             mark_i,
    input logic [ LaneWidth-1:0]            lane_i
);
  logic in_ready, out_valid, out_last, push, pop, mark, marked_q;
  logic [Lanes-1:0][Width-1:0] out_data;
  logic [CountWidth-1:0] out_count;
  logic [Width-1:0] data_q;
  // Elements inside, and those of them before the marked one.
  logic [HeldWidth-1:0] held_q, held, ahead_q;

  row_packer #(
      .Lanes(Lanes),
      .Width(Width)
  ) u_dut (
      .clk_i,
      .rst_ni,
      .clear_i    (1'b0),
      .in_valid_i,
      .in_ready_o (in_ready),
      .in_last_i,
      .in_count_i,
      .in_data_i,
      .out_valid_o(out_valid),
      .out_ready_i,
      .out_last_o (out_last),
      .out_count_o(out_count),
      .out_data_o (out_data)
  );
  assign push = in_valid_i && in_ready;
  assign pop  = out_valid && out_ready_i;
  assign held = pop ? held_q - HeldWidth'(out_count) : held_q;
  assign mark = push && mark_i && CountWidth'(lane_i) < in_count_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      held_q   <= '0;
      marked_q <= 1'b0;
    end else begin
      held_q   <= push ? held + HeldWidth'(in_count_i) : held;
      marked_q <= marked_q ? !(pop && ahead_q < HeldWidth'(out_count)) : mark;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!marked_q) begin
      ahead_q <= held + HeldWidth'(lane_i);
      data_q  <= in_data_i[lane_i];
    end else if (pop) begin
      ahead_q <= ahead_q - HeldWidth'(out_count);
    end
  end

  logic [LaneWidth-1:0] in_tail;
  logic in_out;
  assign in_out  = out_valid && ahead_q < HeldWidth'(out_count);
  assign in_tail = LaneWidth'(out_valid ? ahead_q - HeldWidth'(out_count) : ahead_q);

  `ARCHSIM_ARMED
  for (genvar i = 0; i < Lanes; i++) begin : gen_lane
    `ARCHSIM_ASSUME(ZeroAbove, CountWidth'(unsigned'(i)) < in_count_i || in_data_i[i] == '0)
    `ARCHSIM_ASSERT(TailZeroAbove,
                    CountWidth'(unsigned'(i)) < u_dut.tail_count_q || u_dut.tail_q[i] == '0)
    `ARCHSIM_ASSERT(OutZeroAbove,
                    !out_valid || CountWidth'(unsigned'(i)) < out_count || out_data[i] == '0)
  end
  `ARCHSIM_ASSERT(MarkedLeaves, !(marked_q && in_out) || out_data[LaneWidth'(ahead_q)] == data_q)
  `ARCHSIM_ASSERT(ShortIsLast, !out_valid || out_last || 32'(out_count) == Lanes)
  // For induction: where the marked element stands.
  `ARCHSIM_ASSERT(
      HeldIsInside,
      held_q == HeldWidth'(u_dut.tail_count_q) + (out_valid ? HeldWidth'(out_count) : '0))
  `ARCHSIM_ASSERT(MarkedInside, !marked_q || ahead_q < held_q)
  `ARCHSIM_ASSERT(MarkedStands, !marked_q || in_out || u_dut.tail_q[in_tail] == data_q)
endmodule

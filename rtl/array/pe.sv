// Processing element of the 2D array: dot product, maximum, subtract and exponentiate, row sum, weighted sum.
//
// Contract: instr_i and left_i move on to the right after one clock, top_i downwards after Lat clocks, changed by what
// the operation says (attention_pkg). Lat tiles take turns. The score of a tile stays where it was made (output
// stationary); `advance` makes the finished scores those that OpSub starts from, so that the dot products of the next
// tile may run before. The column sums start with 0 at the top.
// Cycles: one operation a clock; OpDot E steps, OpLocalMax 1, the exponential Degree + 4, OpRowSum 1, OpWeighted F.
module pe
  import attention_pkg::*;
#(
    parameter int unsigned Column = 0,
    parameter int unsigned Degree = 3
) (
    input  logic    clk_i,
    input  logic    rst_ni,
    input  logic    en_i,
    input  instr_t  instr_i,
    input  logic [15:0] left_i,
    input  column_t top_i,
    output instr_t  instr_o,
    output logic [15:0] right_o,
    output column_t bottom_o
);
  logic [31:0] y;
  logic [15:0] y16;

  control_line #(
      .Width($bits(instr_t)),
      .Depth(1)
  ) u_instr (
      .clk_i,
      .rst_ni,
      .en_i,
      .d_i(instr_i),
      .q_o(instr_o)
  );
  skew_line #(
      .Width(16),
      .Depth(1)
  ) u_left (
      .clk_i,
      .en_i,
      .d_i(left_i),
      .q_o(right_o)
  );

  // The score just finished, and whether the mask shows it.
  logic visible;
  logic [32:0] finished;
  assign visible = $signed(left_i) <= $signed(16'(Column));
  slot_ring #(
      .Width(33)
  ) u_finished (
      .clk_i,
      .en_i,
      .write_i(instr_i.op == OpLocalMax),
      .d_i({visible, y}),
      .q_o(finished)
  );

  column_t larger;
  fp_max #(
      .Width(32)
  ) u_max (
      .a_valid_i(top_i.valid),
      .a_i(top_i.data),
      .b_valid_i(visible),
      .b_i(y),
      .y_valid_o(larger.valid),
      .y_o(larger.data)
  );

  logic [15:0] exp_a, exp_b, p_new, p_q;
  logic [31:0] exp_c;
  exp_sequence #(
      .Degree(Degree)
  ) u_exp (
      .clk_i,
      .en_i,
      .op_i(instr_i.op),
      .k_i(instr_i.k),
      .load_i(instr_i.advance),
      .live_i(finished[32]),
      .x_i(finished[31:0]),
      .m_i(top_i.data[15:0]),
      .y_i(y),
      .y16_i(y16),
      .a_o(exp_a),
      .b_o(exp_b),
      .c_o(exp_c),
      .p_new_o(p_new),
      .p_q_o(p_q)
  );

  logic [15:0] a, b;
  logic [31:0] c;
  always_comb begin
    a = exp_a;
    b = exp_b;
    c = exp_c;
    unique case (instr_i.op)
      OpDot: begin
        a = left_i;
        b = top_i.data[15:0];
        c = instr_i.first ? '0 : y;
      end
      OpRowSum: begin
        a = p_new;
        b = 16'h3f80;
        c = top_i.data;
      end
      OpWeighted: begin
        a = left_i;
        b = p_q;
        c = top_i.data;
      end
      default: ;
    endcase
  end
  fp_mac #(
      .ManA(8),
      .ManB(8)
  ) u_mac (
      .clk_i,
      .en_i,
      .a_i  (a),
      .b_i  (b),
      .c_i  (c),
      .y_o  (y),
      .y16_o(y16)
  );

  // Downwards: a sum is the result of the multiply-accumulate, everything else waits as long.
  column_t passed;
  logic is_sum;
  skew_line #(
      .Width($bits(column_t) + 1),
      .Depth(Lat)
  ) u_down (
      .clk_i,
      .en_i,
      .d_i({instr_i.op inside {OpRowSum, OpWeighted}, (instr_i.op == OpLocalMax) ? larger : top_i}),
      .q_o({is_sum, passed})
  );
  assign bottom_o = is_sum ? '{valid: 1'b1, data: y} : passed;
endmodule

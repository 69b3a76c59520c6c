// Lane of the 1D array: running maximum, rescale factor, running sums of one column of queries, and their quotient.
//
// Contract: bottom_i is what leaves the column, instr_i and index_i the operation on it. Lat tiles of queries take turns;
// each has its maximum m (bfloat16, rounded up, so that no score exceeds it; with a valid bit), denominator and F
// numerators (float32). OpRunMax takes a maximum and begins p = exp(m before - m after); OpScaleDen, OpScaleNum multiply
// by p, OpAddDen, OpAddNum add what comes from the column. `first` starts a block of queries at nothing. With `last`
// each OpAddNum puts out numerator / denominator, 0 where no key was visible.
// Cycles: one operation a clock; a result leaves Latency = Lat + 12 enabled clocks after its OpAddNum.
module vector_lane
  import attention_pkg::*;
#(
    parameter int unsigned Values = 8,  // F
    parameter int unsigned Degree = 3,
    localparam int unsigned WidthIndex = $clog2(Values * Lat)
) (
    input logic clk_i,
    input logic rst_ni,
    input logic en_i,
    input instr_t instr_i,
    input logic [WidthIndex-1:0] index_i,
    input column_t bottom_i,
    output instr_t instr_o,
    output logic [WidthIndex-1:0] index_o,
    output logic [15:0] m_o,
    output logic result_valid_o,
    output logic [15:0] result_o
);
  localparam int unsigned DivLatency = 12;
  localparam int unsigned WidthDone = WidthIndex + $unsigned($bits(instr_t));

  logic [31:0] y;
  logic [15:0] y16;

  control_line #(
      .Width(WidthDone),
      .Depth(1)
  ) u_instr (
      .clk_i,
      .rst_ni,
      .en_i,
      .d_i({instr_i, index_i}),
      .q_o({instr_o, index_o})
  );

  // What was begun Lat clocks ago is done now.
  instr_t done;
  logic   unused_done;
  assign unused_done = ^done;
  logic [WidthIndex-1:0] done_index;
  control_line #(
      .Width(WidthDone),
      .Depth(Lat)
  ) u_done (
      .clk_i,
      .rst_ni,
      .en_i,
      .d_i({instr_i, index_i}),
      .q_o({done, done_index})
  );

  // Running maximum
  logic [16:0] m, m_new;
  logic [15:0] up;
  logic column_nan, inexact_up;
  assign column_nan = (&bottom_i.data[30:23]) && bottom_i.data[22:0] != '0;
  assign inexact_up = !bottom_i.data[31] && bottom_i.data[15:0] != '0;
  assign up = column_nan ? 16'h7fc0 : bottom_i.data[31:16] + 16'(inexact_up);
  fp_max #(
      .Width(16)
  ) u_max (
      .a_valid_i(m[16] && !instr_i.first),
      .a_i(m[15:0]),
      .b_valid_i(bottom_i.valid),
      .b_i(up),
      .y_valid_o(m_new[16]),
      .y_o(m_new[15:0])
  );
  slot_ring #(
      .Width(17)
  ) u_m (
      .clk_i,
      .en_i,
      .write_i(instr_i.op == OpRunMax),
      .d_i(m_new),
      .q_o(m)
  );
  assign m_o = m[15:0];

  // Rescale factor
  logic [15:0] exp_a, exp_b, unused_p_new, p;
  logic [31:0] exp_c;
  exp_sequence #(
      .Degree(Degree)
  ) u_exp (
      .clk_i,
      .en_i,
      .op_i(instr_i.op),
      .k_i(instr_i.k),
      .load_i(instr_i.op == OpRunMax),
      .live_i(m[16] && !instr_i.first),
      .x_i({m[15:0], 16'b0}),
      .m_i(m[15:0]),
      .y_i(y),
      .y16_i(y16),
      .a_o(exp_a),
      .b_o(exp_b),
      .c_o(exp_c),
      .p_new_o(unused_p_new),
      .p_q_o(p)
  );

  // Running sums
  logic [31:0] den, num;
  logic [31:0] num_q[Values*Lat];
  slot_ring #(
      .Width(32)
  ) u_den (
      .clk_i,
      .en_i,
      .write_i(done.op inside {OpAddDen, OpScaleDen}),
      .d_i(y),
      .q_o(den)
  );
  assign num = num_q[index_i];
  always_ff @(posedge clk_i) begin
    if (en_i && done.op inside {OpAddNum, OpScaleNum}) num_q[done_index] <= y;
  end

  logic [31:0] a, c;
  logic [15:0] b;
  always_comb begin
    a = {exp_a, 16'b0};
    b = exp_b;
    c = exp_c;
    unique case (instr_i.op)
      OpAddDen: begin
        a = den;
        b = 16'h3f80;
        c = bottom_i.data;
      end
      OpAddNum: begin
        a = num;
        b = 16'h3f80;
        c = bottom_i.data;
      end
      OpScaleDen: begin
        a = instr_i.first ? '0 : den;
        b = p;
        c = '0;
      end
      OpScaleNum: begin
        a = instr_i.first ? '0 : num;
        b = p;
        c = '0;
      end
      default: ;
    endcase
  end
  fp_mac #(
      .ManA(24),
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

  // Quotient. The sum of the weights is zero only where no key was visible: the largest weight is near 1.
  logic nothing;
  assign nothing = den[30:0] == '0;
  fp_div #(
      .ManY(8)
  ) u_div (
      .clk_i,
      .en_i,
      .a_i(nothing ? '0 : y),
      .b_i(nothing ? 32'h3f80_0000 : den),
      .y_o(result_o)
  );
  control_line #(
      .Width(1),
      .Depth(DivLatency)
  ) u_result (
      .clk_i,
      .rst_ni,
      .en_i,
      .d_i(done.op == OpAddNum && done.last),
      .q_o(result_valid_o)
  );
endmodule

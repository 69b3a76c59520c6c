// The operands of p = exp(x - m) on a bfloat16 multiply-accumulate that stands outside, one operation a step.
//
// Contract: x with live_i is taken where load_i. Then OpSub (m_i at the same time, not below x), OpPower, OpReduceHigh,
// OpReduceLow, OpPolyFirst, OpPoly with k_i = Degree-2 .. 0, one a step, in this order; y_i and y16_i are the results of
// this tile's operation in the step before. One step after the last OpPoly p_new_o is p in bfloat16, and p_q_o from the
// step after that on. p is 0 where x was not live, where x - m <= -128 and where it would be below 2^-126. The model is
// exp_on_mac of rtl/bench/models_exp.py: relative error at most 4.8e-3, 0.6 of a bfloat16's last place.
// Cycles: Degree + 4 steps.
module exp_sequence
  import attention_pkg::*;
  import exp_pkg::*;
#(
    parameter int unsigned Degree = 3
) (
    input  logic        clk_i,
    input  logic        en_i,
    input  op_e         op_i,
    input  logic [ 2:0] k_i,
    input  logic        load_i,
    input  logic        live_i,
    input  logic [31:0] x_i,
    input  logic [15:0] m_i,
    input  logic [31:0] y_i,
    input  logic [15:0] y16_i,
    output logic [15:0] a_o,
    output logic [15:0] b_o,
    output logic [31:0] c_o,
    output logic [15:0] p_new_o,
    output logic [15:0] p_q_o
);
  if (Degree < 3 || Degree > 7) begin : gen_check
    $error("exp_sequence: there are coefficients for degrees 3 to 7");
  end

  // x, then d = x - m; and what becomes of the result whatever the polynomial says.
  typedef struct packed {
    logic zero;
    logic nan;
    logic [31:0] value;
  } operand_t;

  operand_t x, x_new;
  logic x_write, done;
  logic signed [8:0] n, n_new;
  logic [ 8:0] n_word;
  logic [15:0] n16;
  logic [ 8:0] magnitude;

  always_comb begin
    x_write = load_i || op_i == OpPower;
    x_new   = '{zero: !live_i, nan: 1'b0, value: x_i};
    if (!load_i) begin
      x_new.zero = x.zero || (y_i[31] && y_i[30:23] >= 8'd134 && !(&y_i[30:23] && y_i[22:0] != '0));
      x_new.nan = &y_i[30:23] && y_i[22:0] != '0;
      x_new.value = y_i;
    end
  end
  slot_ring #(
      .Width($bits(operand_t))
  ) u_x (
      .clk_i,
      .en_i,
      .write_i(x_write),
      .d_i(x_new),
      .q_o(x)
  );

  // n stands in the low bits of the sum with Magic. As a bfloat16 it is exact: at most 8 bits, or 256.
  assign n_new = $signed(y_i[8:0]);
  slot_ring #(
      .Width(9)
  ) u_n (
      .clk_i,
      .en_i,
      .write_i(op_i == OpReduceHigh),
      .d_i($unsigned(n_new)),
      .q_o(n_word)
  );
  logic signed [8:0] n_now;
  assign n = $signed(n_word);
  assign n_now = (op_i == OpReduceHigh) ? n_new : n;
  assign magnitude = n_now[8] ? $unsigned(9'(-n_now)) : $unsigned(n_now);
  always_comb begin
    n16 = '0;
    for (int unsigned i = 0; i < 9; i++) begin
      if (magnitude[i]) n16 = {n_now[8], 8'(127 + i), 7'({magnitude, 7'b0} >> i)};
    end
  end

  // r, then p
  logic [15:0] held;
  slot_ring #(
      .Width(16)
  ) u_held (
      .clk_i,
      .en_i,
      .write_i(op_i == OpPolyFirst || done),
      .d_i(done ? p_new_o : y16_i),
      .q_o(held)
  );
  assign p_q_o = held;

  logic ends_q[Lat];
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      ends_q[0] <= op_i == OpPoly && k_i == '0;
      for (int unsigned i = 1; i < Lat; i++) ends_q[i] <= ends_q[i-1];
    end
  end
  assign done = ends_q[Lat-1];

  logic signed [9:0] exponent;
  assign exponent = $signed({2'b0, y16_i[14:7]}) + 10'(n);
  always_comb begin
    if (x.zero) p_new_o = '0;
    else if (x.nan) p_new_o = 16'h7fc0;
    else if (exponent <= 10'sd0) p_new_o = '0;
    else p_new_o = {1'b0, exponent[7:0], y16_i[6:0]};
  end

  always_comb begin
    a_o = y16_i;
    b_o = held;
    c_o = exp_coefficient(Degree, 32'(k_i));
    unique case (op_i)
      OpSub: begin
        a_o = 16'hbf80;
        b_o = m_i;
        c_o = x.value;
      end
      OpPower: begin
        b_o = Log2E16;
        c_o = Magic;
      end
      OpReduceHigh: begin
        a_o = n16;
        b_o = MinusLn2High;
        c_o = x.value;
      end
      OpReduceLow: begin
        a_o = n16;
        b_o = MinusLn2Low;
        c_o = y_i;
      end
      OpPolyFirst: begin
        b_o = 16'(exp_coefficient(Degree, Degree) >> 16);
        c_o = exp_coefficient(Degree, Degree - 1);
      end
      default: ;
    endcase
  end
endmodule

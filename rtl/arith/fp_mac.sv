// Multiply-accumulate y = a * b + c with one rounding.
//
// Contract: a and b have ManA and ManB bits of significand (hidden bit included; 8: bfloat16, 24: float32), c is
// float32. y_o is a*b + c rounded once to float32, y16_o the same rounded once to bfloat16: to nearest, ties to even.
// Subnormal operands count as zero of their sign, subnormal results become zero (after rounding with unbounded
// exponent). NaN, infinite * 0 and infinite - infinite give 0x7fc00000.
// Cycles: one operation at every enabled clock, Latency 4.
module fp_mac #(
    parameter  int unsigned ManA   = 8,
    parameter  int unsigned ManB   = 8,
    localparam int unsigned WidthA = ManA + 8,
    localparam int unsigned WidthB = ManB + 8
) (
    input  logic              clk_i,
    input  logic              en_i,
    input  logic [WidthA-1:0] a_i,
    input  logic [WidthB-1:0] b_i,
    input  logic [      31:0] c_i,
    output logic [      31:0] y_o,
    output logic [      15:0] y16_o
);
  logic [7:0] exp_a, exp_b;
  logic [ManA-1:0] sig_a;
  logic [ManB-1:0] sig_b;
  logic a_zero, b_zero, a_inf, b_inf, c_inf, a_nan, b_nan, c_nan, sign, infinite, undefined;

  assign exp_a = a_i[WidthA-2-:8];
  assign exp_b = b_i[WidthB-2-:8];
  assign sig_a = {1'b1, a_i[ManA-2:0]};
  assign sig_b = {1'b1, b_i[ManB-2:0]};
  assign a_zero = exp_a == '0;
  assign b_zero = exp_b == '0;
  assign a_inf = (&exp_a) && a_i[ManA-2:0] == '0;
  assign b_inf = (&exp_b) && b_i[ManB-2:0] == '0;
  assign c_inf = (&c_i[30:23]) && c_i[22:0] == '0;
  assign a_nan = (&exp_a) && a_i[ManA-2:0] != '0;
  assign b_nan = (&exp_b) && b_i[ManB-2:0] != '0;
  assign c_nan = (&c_i[30:23]) && c_i[22:0] != '0;
  assign sign = a_i[WidthA-1] ^ b_i[WidthB-1];
  assign infinite = a_inf || b_inf;
  // inf * 0 and inf - inf
  assign undefined = (a_inf && b_zero) || (b_inf && a_zero) ||
                     (infinite && c_inf && (sign ^ c_i[31]));

  fp_sum #(
      .WidthX(ManA + ManB)
  ) u_sum (
      .clk_i,
      .en_i,
      .x_sign_i(sign),
      .x_zero_i(a_zero || b_zero),
      .x_exp_i($signed({2'b0, exp_a}) + $signed({2'b0, exp_b}) - 10'sd126),
      .x_sig_i((ManA + ManB)'(sig_a) * (ManA + ManB)'(sig_b)),
      .c_i,
      .nan_i(a_nan || b_nan || c_nan || undefined),
      .inf_i(infinite || c_inf),
      .inf_sign_i(infinite ? sign : c_i[31]),
      .y_o,
      .y16_o
  );
endmodule

// Float32 addition y = a + c.
//
// Contract: as fp_mac with b = 1: one rounding, to nearest, ties to even; subnormals are zero; NaN is 0x7fc00000.
// Cycles: one operation at every enabled clock, Latency 4.
module fp_add (
    input  logic        clk_i,
    input  logic        en_i,
    input  logic [31:0] a_i,
    input  logic [31:0] c_i,
    output logic [31:0] y_o,
    output logic [15:0] y16_o
);
  logic a_inf, c_inf, a_nan, c_nan;

  assign a_inf = a_i[30:0] == 31'h7f80_0000;
  assign c_inf = c_i[30:0] == 31'h7f80_0000;
  assign a_nan = (&a_i[30:23]) && a_i[22:0] != '0;
  assign c_nan = (&c_i[30:23]) && c_i[22:0] != '0;

  fp_sum #(
      .WidthX(24)
  ) u_sum (
      .clk_i,
      .en_i,
      .x_sign_i  (a_i[31]),
      .x_zero_i  (a_i[30:23] == '0),
      .x_exp_i   ($signed({2'b0, a_i[30:23]})),
      .x_sig_i   ({1'b1, a_i[22:0]}),
      .c_i,
      .nan_i     (a_nan || c_nan || (a_inf && c_inf && (a_i[31] ^ c_i[31]))),
      .inf_i     (a_inf || c_inf),
      .inf_sign_i(a_inf ? a_i[31] : c_i[31]),
      .y_o,
      .y16_o
  );
endmodule

// Exponential y = exp(x) of float32 numbers, by range reduction and a polynomial.
//
// Contract: bit for bit the unit poly<Degree> of einsum_cascade.numerics: t = x * log2(e), n the whole number nearest
// to t, f = t - n, 2^f by Horner's rule with one rounding a step, 2^n onto the exponent. Degree + 1 multiply-accumulates:
// 6 for degree 5, the cost that FuseMax (MICRO'24) charges. exp(0) is 1; results below 2^-126 are 0; NaN is 0x7fc00000.
// Cycles: one operation at every enabled clock, Latency 4 * (Degree + 1) + 3.
module exp_unit
  import exp_pkg::*;
#(
    parameter int unsigned Degree = 5
) (
    input  logic        clk_i,
    input  logic        en_i,
    input  logic [31:0] x_i,
    output logic [31:0] y_o
);
  if (Degree < 3 || Degree > 7) begin : gen_check
    $error("exp_unit: there are coefficients for degrees 3 to 7");
  end

  localparam int unsigned MacLatency = 4;

  typedef struct packed {
    logic nan;
    logic beyond;  // |x| >= 128: the result is 0 or infinity
    logic sign;
  } special_t;

  // t = x * log2(e)
  special_t special, special_late;
  logic [31:0] t;
  logic [Degree:0][15:0] unused_y16;
  assign special.nan = (&x_i[30:23]) && x_i[22:0] != '0;
  assign special.beyond = x_i[30:23] >= 8'd134;
  assign special.sign = x_i[31];

  fp_mac #(
      .ManA(24),
      .ManB(24)
  ) u_scale (
      .clk_i,
      .en_i,
      .a_i  (x_i),
      .b_i  (Log2E),
      .c_i  ('0),
      .y_o  (t),
      .y16_o(unused_y16[0])
  );
  skew_line #(
      .Width($bits(special_t)),
      .Depth(MacLatency)
  ) u_special (
      .clk_i,
      .en_i,
      .d_i(special),
      .q_o(special_late)
  );

  // t in fixed point, 8 whole bits and 24 of fraction, is exact from 1/2 on; below, n is 0 and f is t.
  logic [31:0] fixed;
  logic small_t, up;
  logic small_q, sign_f_q;
  logic [31:0] t_q;
  logic [23:0] fraction_q;
  logic signed [9:0] n_q;
  special_t special_q;

  assign small_t = t[30:23] < 8'd126;
  assign fixed = {8'b0, 1'b1, t[22:0]} << 4'(t[30:23] - 8'd126);
  assign up = fixed[23] && (fixed[24] || fixed[22:0] != '0);

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      small_q    <= small_t;
      t_q        <= t;
      sign_f_q   <= t[31] ^ up;
      fraction_q <= up ? -fixed[23:0] : fixed[23:0];
      if (small_t) n_q <= '0;
      else
        n_q <= t[31] ? -$signed(
            {2'b0, fixed[31:24]} + 10'(up)
        ) : $signed(
            {2'b0, fixed[31:24]} + 10'(up)
        );
      special_q <= special_late;
    end
  end

  // f as a float32: at most 1/2, so 24 bits of fraction hold it.
  logic [23:0] normal[6];
  logic [4:0] zeros;
  logic [31:0] f_q;
  logic signed [9:0] n_2_q;
  special_t special_2_q;

  assign normal[0] = fraction_q;
  for (genvar level = 0; level < 5; level++) begin : gen_level
    localparam int unsigned By = 1 << (4 - level);
    assign zeros[4-level]  = normal[level][23-:By] == '0;
    assign normal[level+1] = zeros[4-level] ? normal[level] << By : normal[level];
  end

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      if (small_q) f_q <= t_q;
      else f_q <= normal[5][23] ? {sign_f_q, 8'd126 - {3'b0, zeros}, normal[5][22:0]} : '0;
      n_2_q       <= n_q;
      special_2_q <= special_q;
    end
  end

  // Horner's rule; n and f travel beside it.
  logic [31:0] p[Degree+1];
  logic [31:0] f[Degree+1];
  assign p[Degree] = exp2_coefficient(Degree, Degree);
  assign f[Degree] = f_q;

  for (genvar k = 0; k < Degree; k++) begin : gen_horner
    fp_mac #(
        .ManA(24),
        .ManB(24)
    ) u_mac (
        .clk_i,
        .en_i,
        .a_i  (p[k+1]),
        .b_i  (f[k+1]),
        .c_i  (exp2_coefficient(Degree, k)),
        .y_o  (p[k]),
        .y16_o(unused_y16[k+1])
    );
    skew_line #(
        .Width(32),
        .Depth(MacLatency)
    ) u_f (
        .clk_i,
        .en_i,
        .d_i(f[k+1]),
        .q_o(f[k])
    );
  end

  special_t special_y;
  logic signed [9:0] n_y;
  skew_line #(
      .Width($bits(special_t) + 10),
      .Depth(MacLatency * Degree)
  ) u_n (
      .clk_i,
      .en_i,
      .d_i({special_2_q, n_2_q}),
      .q_o({special_y, n_y})
  );

  logic signed [9:0] exponent;
  assign exponent = $signed({2'b0, p[0][30:23]}) + n_y;

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      if (special_y.nan) y_o <= 32'h7fc0_0000;
      else if (special_y.beyond) y_o <= special_y.sign ? '0 : 32'h7f80_0000;
      else if (exponent <= 10'sd0) y_o <= '0;
      else if (exponent >= 10'sd255) y_o <= 32'h7f80_0000;
      else y_o <= {1'b0, exponent[7:0], p[0][22:0]};
    end
  end
endmodule

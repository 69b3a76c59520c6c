// Sum of two floating-point numbers, one of which may be an exact product, with a single rounding.
//
// Contract: y_o = x + c rounded to float32, y16_o = x + c rounded to bfloat16, each once from the exact sum, to
// nearest, ties to even. x is (-1)^x_sign * x_sig * 2^(x_exp - 127 - (WidthX - 1)): x_exp is the biased exponent of the
// top bit of x_sig, which may be zero in a product (one leading zero, no more, unless x_zero_i). Subnormal results
// are flushed to zero after rounding with unbounded exponent; an exact zero is +0 unless both terms are negative.
// nan_i and inf_i (with inf_sign_i) win over everything. NaN is 0x7fc00000.
// Cycles: a sum enters at every enabled clock; Latency 4: operands | align and add | normalise | round.
module fp_sum #(
    parameter int unsigned WidthX = 16
) (
    input  logic                     clk_i,
    input  logic                     en_i,
    input  logic                     x_sign_i,
    input  logic                     x_zero_i,
    input  logic signed [       9:0] x_exp_i,
    input  logic        [WidthX-1:0] x_sig_i,
    input  logic        [      31:0] c_i,
    input  logic                     nan_i,
    input  logic                     inf_i,
    input  logic                     inf_sign_i,
    output logic        [      31:0] y_o,
    output logic        [      15:0] y16_o
);
  // Room for two leading zeros after a subtraction, and for the guard bit.
  localparam int unsigned Width = ((WidthX > 26) ? WidthX : 26) + 2;
  localparam int unsigned WidthSum = Width + 2;  // sticky bit below, carry above
  localparam int unsigned WidthShift = $clog2(Width + 2);

  typedef struct packed {
    logic nan;
    logic infinite;
    logic sign;
  } special_t;

  // Stage 1: which term is larger by its exponent, and by how much.
  logic c_zero, x_leads;
  logic signed [10:0] distance;
  logic [10:0] apart;
  logic x_leads_q, x_sign_q, c_sign_q, x_zero_q, c_zero_q;
  logic [WidthShift-1:0] shift_q;
  logic signed [9:0] exp_1_q;
  logic [WidthX-1:0] x_sig_q;
  logic [23:0] c_sig_q;
  special_t special_1_q;

  assign c_zero = c_i[30:23] == '0;
  assign distance = 11'(x_exp_i) - $signed({3'b0, c_i[30:23]});
  assign x_leads = c_zero || (!x_zero_i && !distance[10]);
  assign apart = distance[10] ? $unsigned(11'(-distance)) : $unsigned(distance);

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      x_leads_q   <= x_leads;
      x_sign_q    <= x_sign_i;
      c_sign_q    <= c_i[31];
      x_zero_q    <= x_zero_i;
      c_zero_q    <= c_zero;
      shift_q     <= (apart > 11'(Width + 1)) ? WidthShift'(Width + 1) : WidthShift'(apart);
      exp_1_q     <= x_leads ? x_exp_i : $signed({2'b0, c_i[30:23]});
      x_sig_q     <= x_sig_i;
      c_sig_q     <= {1'b1, c_i[22:0]};
      special_1_q <= '{nan: nan_i, infinite : inf_i, sign: inf_sign_i};
    end
  end

  // Stage 2: align and add. The sticky bit stands for everything shifted out.
  logic [Width-1:0] x_top, c_top, lead, other;
  logic [2*Width:0] aligned;
  logic [Width:0] left, right;
  logic lead_sign, other_sign, subtract, swapped;
  logic [WidthSum-1:0] total;
  logic [Width:0] above, below;
  logic [WidthSum-1:0] sum_q;
  logic sign_2_q;
  logic signed [9:0] exp_2_q;
  special_t special_2_q;

  assign x_top = x_zero_q ? '0 : Width'(x_sig_q) << (Width - WidthX);
  assign c_top = c_zero_q ? '0 : Width'(c_sig_q) << (Width - 24);
  assign {lead, lead_sign} = x_leads_q ? {x_top, x_sign_q} : {c_top, c_sign_q};
  assign {other, other_sign} = x_leads_q ? {c_top, c_sign_q} : {x_top, x_sign_q};
  assign aligned = {other, (Width + 1)'(0)} >> shift_q;
  assign left = {lead, 1'b0};
  assign right = {aligned[2*Width:Width+1], |aligned[Width:0]};
  assign subtract = lead_sign ^ other_sign;
  assign total = {1'b0, left} + {1'b0, right};
  assign above = left - right;
  assign below = right - left;
  assign swapped = right > left;

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      sum_q <= !subtract ? total : {1'b0, swapped ? below : above};
      if (subtract) sign_2_q <= (left != right) && (swapped ? other_sign : lead_sign);
      else sign_2_q <= lead_sign;
      exp_2_q <= exp_1_q + 10'sd1;
      special_2_q <= special_1_q;
    end
  end

  // Stage 3: normalise, by halves.
  localparam int unsigned Levels = $clog2(WidthSum);
  logic [WidthSum-1:0] scaled[Levels+1];
  logic [Levels-1:0] zeros;
  logic [23:0] sig_q;
  logic guard_q, sticky_q, zero_3_q, sign_3_q;
  logic signed [10:0] exp_3_q;
  special_t special_3_q;

  assign scaled[0] = sum_q;
  for (genvar level = 0; level < Levels; level++) begin : gen_level
    localparam int unsigned By = 1 << (Levels - 1 - level);
    assign zeros[Levels-1-level] = scaled[level][WidthSum-1-:By] == '0;
    assign scaled[level+1] = zeros[Levels-1-level] ? scaled[level] << By : scaled[level];
  end

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      sig_q       <= scaled[Levels][WidthSum-1-:24];
      guard_q     <= scaled[Levels][WidthSum-25];
      sticky_q    <= |scaled[Levels][WidthSum-26:0];
      zero_3_q    <= !scaled[Levels][WidthSum-1];
      exp_3_q     <= 11'(exp_2_q) - $signed({(11 - Levels)'(0), zeros});
      sign_3_q    <= sign_2_q;
      special_3_q <= special_2_q;
    end
  end

  // Stage 4: round to both formats.
  logic carry, carry16, unused_one, unused_one16;
  logic [22:0] fraction;
  logic [ 6:0] fraction16;
  logic signed [10:0] exp_4, exp_416;
  logic special, below16;

  assign {carry, unused_one, fraction} = {1'b0, sig_q} + 25'(guard_q && (sticky_q || sig_q[0]));
  assign below16 = |sig_q[14:0] || guard_q || sticky_q;
  assign {carry16, unused_one16, fraction16} =
      {1'b0, sig_q[23:16]} + 9'(sig_q[15] && (below16 || sig_q[16]));
  assign exp_4 = exp_3_q + $signed({10'b0, carry});
  assign exp_416 = exp_3_q + $signed({10'b0, carry16});
  assign special = special_3_q.nan || special_3_q.infinite;

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      if (special) y_o <= special_3_q.nan ? 32'h7fc0_0000 : {special_3_q.sign, 31'h7f80_0000};
      else if (zero_3_q || exp_4 <= 11'sd0) y_o <= {sign_3_q, 31'h0};
      else if (exp_4 >= 11'sd255) y_o <= {sign_3_q, 31'h7f80_0000};
      else y_o <= {sign_3_q, exp_4[7:0], fraction};
      if (special) y16_o <= special_3_q.nan ? 16'h7fc0 : {special_3_q.sign, 15'h7f80};
      else if (zero_3_q || exp_416 <= 11'sd0) y16_o <= {sign_3_q, 15'h0};
      else if (exp_416 >= 11'sd255) y16_o <= {sign_3_q, 15'h7f80};
      else y16_o <= {sign_3_q, exp_416[7:0], fraction16};
    end
  end
endmodule

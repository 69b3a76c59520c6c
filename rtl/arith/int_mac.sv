// Integer multiply-accumulate, with a fixed-point result.
//
// Contract: acc' = acc + a*b, or a*b where first_i, in two's complement modulo 2^WidthAcc. y_o is the accumulator
// shifted right by Shift, rounded to nearest, ties to even, and saturated to WidthY bits. int8: 8, 8, 32; SpAtten's
// 12-bit fixed point (HPCA'21, section V-A): 12, 12, 32 with Shift the fraction bits of one operand.
// Cycles: one operation at every enabled clock; acc_o after 2 (product | sum), y_o after 3.
module int_mac #(
    parameter int unsigned WidthA = 8,
    parameter int unsigned WidthB = 8,
    parameter int unsigned WidthAcc = 32,
    parameter int unsigned WidthY = 8,
    parameter int unsigned Shift = 8
) (
    input  logic                       clk_i,
    input  logic                       en_i,
    input  logic                       first_i,
    input  logic signed [  WidthA-1:0] a_i,
    input  logic signed [  WidthB-1:0] b_i,
    output logic signed [WidthAcc-1:0] acc_o,
    output logic signed [  WidthY-1:0] y_o
);
  if (Shift < 2 || WidthA + WidthB > WidthAcc || WidthY + Shift > WidthAcc) begin : gen_check
    $error("int_mac: WidthA + WidthB <= WidthAcc, 2 <= Shift <= WidthAcc - WidthY are needed");
  end

  localparam int unsigned WidthRounded = WidthAcc - Shift + 1;
  typedef logic signed [WidthRounded-1:0] rounded_t;
  localparam rounded_t Largest = rounded_t'((1 << (WidthY - 1)) - 1);
  localparam rounded_t Least = -Largest - 1;

  logic signed [WidthA+WidthB-1:0] product_q;
  logic first_q;
  logic up;
  rounded_t rounded;

  assign up = acc_o[Shift-1] && (acc_o[Shift] || acc_o[Shift-2:0] != '0);
  assign rounded = rounded_t'(acc_o >>> Shift) + $signed({(WidthRounded - 1)'(0), up});

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      product_q <= a_i * b_i;
      first_q <= first_i;
      acc_o <= first_q ? WidthAcc'(product_q) : acc_o + WidthAcc'(product_q);
      if (rounded > Largest) y_o <= WidthY'(Largest);
      else if (rounded < Least) y_o <= WidthY'(Least);
      else y_o <= WidthY'(rounded);
    end
  end
endmodule

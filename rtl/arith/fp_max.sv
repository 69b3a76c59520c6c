// The larger of two floating-point numbers, each with a valid bit instead of minus infinity for "nothing seen yet".
//
// Contract: y is the larger of the valid ones, valid if any is. +0 is larger than -0. A NaN wins: what contains one
// must not look like a number. Any format with a sign, 8 bits of exponent and the rest significand.
// Cycles: combinational.
module fp_max #(
    parameter int unsigned Width = 32
) (
    input  logic             a_valid_i,
    input  logic [Width-1:0] a_i,
    input  logic             b_valid_i,
    input  logic [Width-1:0] b_i,
    output logic             y_valid_o,
    output logic [Width-1:0] y_o
);
  logic a_nan, b_nan, a_larger;

  assign a_nan = (&a_i[Width-2-:8]) && a_i[Width-10:0] != '0;
  assign b_nan = (&b_i[Width-2-:8]) && b_i[Width-10:0] != '0;

  always_comb begin
    // Sign and magnitude as an integer: equal signs compare by magnitude, reversed where negative.
    unique case ({
      a_i[Width-1], b_i[Width-1]
    })
      2'b00: a_larger = a_i[Width-2:0] >= b_i[Width-2:0];
      2'b01: a_larger = 1'b1;
      2'b10: a_larger = 1'b0;
      2'b11: a_larger = a_i[Width-2:0] <= b_i[Width-2:0];
    endcase
    if (a_nan) a_larger = 1'b1;
    else if (b_nan) a_larger = 1'b0;
  end

  assign y_valid_o = a_valid_i || b_valid_i;
  assign y_o = (a_valid_i && (!b_valid_i || a_larger)) ? a_i : b_i;
endmodule

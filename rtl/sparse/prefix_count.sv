// How many flags are set below each lane: a parallel prefix sum of logarithmic depth.
//
// Contract: below_o[i] counts the flags set in lanes 0..i-1, total_o those in all lanes.
// Cycles: combinational.
module prefix_count
  import archsim_pkg::*;
#(
    parameter int unsigned Lanes = 16,
    localparam int unsigned CountWidth = count_width(Lanes)
) (
    input  logic [     Lanes-1:0]                 flag_i,
    output logic [     Lanes-1:0][CountWidth-1:0] below_o,
    output logic [CountWidth-1:0]                 total_o
);
  logic [Lanes-1:0][CountWidth-1:0] through;

  // After the step of distance d, through[i] counts the lanes i-2d+1..i. Going down, through[i-d] is still the old one.
  always_comb begin
    for (int unsigned i = 0; i < Lanes; i++) through[i] = CountWidth'(flag_i[i]);
    for (int unsigned d = 1; d < Lanes; d *= 2) begin
      for (int unsigned i = Lanes - 1; i >= d; i--) through[i] = through[i] + through[i-d];
    end
  end

  always_comb begin
    below_o[0] = '0;
    for (int unsigned i = 1; i < Lanes; i++) below_o[i] = through[i-1];
  end
  assign total_o = through[Lanes-1];
endmodule

// zero_eliminator for every mask and all data: a kept lane, whichever, lands above exactly the kept lanes below it.
module zero_eliminator_props
  import archsim_pkg::*;
#(
    parameter int unsigned Lanes = 8,
    parameter int unsigned Width = 4,
    localparam int unsigned CountWidth = count_width(Lanes)
) (
    input logic [Lanes-1:0]            keep_i,
    input logic [Lanes-1:0][Width-1:0] data_i
);
  logic [Lanes-1:0][Width-1:0] data;
  logic [CountWidth-1:0] count;

  zero_eliminator #(
      .Lanes(Lanes),
      .Width(Width)
  ) u_dut (
      .keep_i,
      .data_i,
      .data_o (data),
      .count_o(count)
  );

  logic [Lanes:0][CountWidth-1:0] under;
  assign under[0] = '0;
  for (genvar i = 0; i < Lanes; i++) begin : gen_lane
    assign under[i+1] = under[i] + CountWidth'(keep_i[i]);
    always_comb begin
      Lands : assert (!keep_i[i] || data[under[i]] == data_i[i]);
      ZeroAbove : assert (CountWidth'(unsigned'(i)) < count || data[i] == '0);
    end
  end
  always_comb CountsKept : assert (count == under[Lanes]);
endmodule

// Puts a row of up to Lanes elements behind a tail of up to Lanes elements.
//
// Contract: elements stand in the lowest lanes, the lanes above them are zero, in and out. If both together are more
// than one row, full_o is set, row_o is the first row and the rest is the new tail; otherwise both together are the
// new tail. So a tail is empty only as long as nothing came, and the last elements are always in the tail.
// Cycles: combinational.
module row_merge
  import archsim_pkg::*;
#(
    parameter int unsigned Lanes = 16,
    parameter int unsigned Width = 12,
    localparam int unsigned CountWidth = count_width(Lanes)
) (
    input  logic [     Lanes-1:0][Width-1:0] tail_i,
    input  logic [CountWidth-1:0]            tail_count_i,
    input  logic [     Lanes-1:0][Width-1:0] row_i,
    input  logic [CountWidth-1:0]            row_count_i,
    output logic                             full_o,
    output logic [     Lanes-1:0][Width-1:0] row_o,
    output logic [     Lanes-1:0][Width-1:0] tail_o,
    output logic [CountWidth-1:0]            tail_count_o
);
  logic [2*Lanes-1:0][Width-1:0] wide;
  logic [CountWidth:0] total;

  always_comb begin
    wide = (2 * Lanes * Width)'(row_i);
    for (int unsigned j = 0; j < CountWidth; j++) begin
      if (tail_count_i[j]) wide = wide << (Width << j);
    end
    wide = wide | (2 * Lanes * Width)'(tail_i);
  end

  assign total        = {1'b0, tail_count_i} + {1'b0, row_count_i};
  assign full_o       = total > (CountWidth + 1)'(Lanes);
  assign row_o        = wide[Lanes-1:0];
  assign tail_o       = full_o ? wide[2*Lanes-1:Lanes] : wide[Lanes-1:0];
  assign tail_count_o = CountWidth'(full_o ? total - (CountWidth + 1)'(Lanes) : total);
endmodule

// Two-dimensional array of processing elements: rows hold keys, columns hold queries.
//
// Contract: instr_i and left_i enter row 0 at their clock and row r Lat*r clocks later; top_i of column c is taken c
// clocks after the instruction that it belongs to (instr_top_o says which one is at the top of each column). What
// leaves column c at the bottom belongs to the instruction of Lat*Rows + c clocks before.
// Cycles: Lat*(Rows-1) + Cols - 1 from the first element to the last, the same for every operation.
module pe_array
  import attention_pkg::*;
#(
    parameter int unsigned Rows   = 4,
    parameter int unsigned Cols   = 4,
    parameter int unsigned Degree = 3
) (
    input logic clk_i,
    input logic rst_ni,
    input logic en_i,
    input instr_t instr_i,
    input logic [Rows-1:0][15:0] left_i,
    input column_t [Cols-1:0] top_i,
    output instr_t [Cols-1:0] instr_top_o,
    output column_t [Cols-1:0] bottom_o,
    output logic [Rows-1:0][Cols-1:0] busy_o
);
  instr_t [Rows-1:0][Cols:0] instr;
  logic [Rows-1:0][Cols:0][15:0] left;
  column_t [Rows:0][Cols-1:0] down;

  assign down[0] = top_i;
  assign bottom_o = down[Rows];
  assign instr_top_o = instr[0][Cols-1:0];

  for (genvar r = 0; r < Rows; r++) begin : gen_row
    control_line #(
        .Width($bits(instr_t)),
        .Depth(Lat * r)
    ) u_instr (
        .clk_i,
        .rst_ni,
        .en_i,
        .d_i(instr_i),
        .q_o(instr[r][0])
    );
    skew_line #(
        .Width(16),
        .Depth(Lat * r)
    ) u_left (
        .clk_i,
        .en_i,
        .d_i(left_i[r]),
        .q_o(left[r][0])
    );
    for (genvar c = 0; c < Cols; c++) begin : gen_column
      pe #(
          .Column(c),
          .Degree(Degree)
      ) u_pe (
          .clk_i,
          .rst_ni,
          .en_i,
          .instr_i(instr[r][c]),
          .left_i(left[r][c]),
          .top_i(down[r][c]),
          .instr_o(instr[r][c+1]),
          .right_o(left[r][c+1]),
          .bottom_o(down[r+1][c])
      );
      assign busy_o[r][c] = en_i && instr[r][c].op != OpNone;
    end
  end
endmodule

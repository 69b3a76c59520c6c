// One-dimensional array: one lane a column of the 2D array, lane c one clock after lane c - 1.
//
// Contract: instr_i and index_i are lane 0's; bottom_i and m_o as they leave and enter the columns, skewed. The results
// of all lanes leave together.
// Cycles: a result leaves Lat + 12 + Cols - 1 enabled clocks after its OpAddNum entered lane 0.
module vector_array
  import attention_pkg::*;
#(
    parameter int unsigned Cols = 4,
    parameter int unsigned Values = 8,
    parameter int unsigned Degree = 3,
    localparam int unsigned WidthIndex = $clog2(Values * Lat)
) (
    input logic clk_i,
    input logic rst_ni,
    input logic en_i,
    input instr_t instr_i,
    input logic [WidthIndex-1:0] index_i,
    input column_t [Cols-1:0] bottom_i,
    output logic [Cols-1:0][15:0] m_o,
    output logic result_valid_o,
    output logic [Cols-1:0][15:0] result_o,
    output logic [Cols-1:0] busy_o
);
  instr_t [Cols:0] instr;
  logic [Cols:0][WidthIndex-1:0] index;
  logic [Cols-1:0] valid;
  logic [Cols-1:0][15:0] result;

  logic unused_end;
  assign unused_end = ^{instr[Cols], index[Cols]};
  assign instr[0] = instr_i;
  assign index[0] = index_i;
  assign result_valid_o = valid[Cols-1];

  for (genvar c = 0; c < Cols; c++) begin : gen_lane
    vector_lane #(
        .Values(Values),
        .Degree(Degree)
    ) u_lane (
        .clk_i,
        .rst_ni,
        .en_i,
        .instr_i(instr[c]),
        .index_i(index[c]),
        .bottom_i(bottom_i[c]),
        .instr_o(instr[c+1]),
        .index_o(index[c+1]),
        .m_o(m_o[c]),
        .result_valid_o(valid[c]),
        .result_o(result[c])
    );
    skew_line #(
        .Width(16),
        .Depth(Cols - 1 - c)
    ) u_result (
        .clk_i,
        .en_i,
        .d_i(result[c]),
        .q_o(result_o[c])
    );
    assign busy_o[c] = en_i && instr[c].op != OpNone;
  end
endmodule

// Attention of blocks of queries over streams of keys and values in one pass (FuseMax, MICRO'24, Cascade 5).
//
// Contract: Rows x Cols processing elements and Cols lanes work on Lat = 4 tiles of Rows keys by Cols queries in turn. A
// command stands for these four tiles: tile j has queries j*Cols .. j*Cols + Cols - 1 of a block of 4*Cols queries, all
// have the same Rows keys. For each command come, in this order, Keys * 4 beats q (one a dimension e and tile j, j
// innermost: Cols bfloat16), Keys beats k (one a dimension: Rows bfloat16), Values beats v (one a value f: Rows
// bfloat16). The commands of a block begin with `first` and end with `last`; then Values * 4 beats av (one a value and
// tile: Cols bfloat16) leave, av_last_o with the last. Scores, sums and numerators are float32; weights, maxima, inputs
// and results bfloat16. Queries that saw no key give 0. The model is attention_tile of rtl/bench/models_tile.py.
// Everything stops while an operand is missing or a result is not taken.
// Cycles: Lat*Steps a command, Steps = max(E + F + Degree + 6, 2F + Degree + 7), so E + F + 9 or 2F + 10 at Degree 3.
// From the first command taken to the last result, n commands in a row and no stalls:
// Lat * (n*Steps + E + Degree + 6 + F + Rows) + 15 + Cols.
`include "archsim_assert.svh"

module attention_tile
  import attention_pkg::*;
#(
    parameter int unsigned Rows   = 4,
    parameter int unsigned Cols   = 4,
    parameter int unsigned Keys   = 8,  // E
    parameter int unsigned Values = 8,  // F
    parameter int unsigned Degree = 3
) (
    input logic clk_i,
    input logic rst_ni,
    input logic cmd_valid_i,
    output logic cmd_ready_o,
    input logic cmd_first_i,
    input logic cmd_last_i,
    input logic cmd_causal_i,
    input logic [7:0] cmd_rows_i,
    input logic [15:0] cmd_base_i,
    input logic q_valid_i,
    output logic q_ready_o,
    input logic [Cols-1:0][15:0] q_data_i,
    input logic k_valid_i,
    output logic k_ready_o,
    input logic [Rows-1:0][15:0] k_data_i,
    input logic v_valid_i,
    output logic v_ready_o,
    input logic [Rows-1:0][15:0] v_data_i,
    output logic av_valid_o,
    input logic av_ready_i,
    output logic [Cols-1:0][15:0] av_data_o,
    output logic av_last_o,
    output logic [Rows*Cols-1:0] pe_busy_o,  // for utilization: which elements work in this clock
    output logic [Cols-1:0] lane_busy_o
);
  localparam int unsigned WidthIndex = $clog2(Values * Lat);
  localparam int unsigned DivLatency = 12;
  localparam int unsigned WidthLane = WidthIndex + $unsigned($bits(instr_t));
  localparam int unsigned Exp = Degree + 4;
  localparam int unsigned Steps2d = Keys + Values + Exp + 2;
  localparam int unsigned Steps1d = 2 * Values + Exp + 3;

  localparam int unsigned Steps = (Steps2d > Steps1d) ? Steps2d : Steps1d;

  if (Rows > Steps || Keys < 2 || Values < 2 || Rows > 255) begin : gen_check
    $error(
        "attention_tile: maxima must be back at the top in time (Rows <= Steps); Keys, Values >= 2"
    );
  end

  logic en, missing, need_q, need_k, need_v, cmd_take;
  logic [1:0] slot;
  instr_t pe_instr, lane_instr, lane_instr_0;
  tile_cmd_t given, cmd;
  logic unused_cmd;
  logic [WidthIndex-1:0] lane_index, lane_index_0;

  assign missing = (need_q && !q_valid_i) || (need_k && !k_valid_i) || (need_v && !v_valid_i);
  assign en = !missing && !(av_valid_o && !av_ready_i);
  assign given.first = cmd_first_i;
  assign given.last = cmd_last_i;
  assign given.causal = cmd_causal_i;
  assign given.rows = cmd_rows_i;
  assign given.base = cmd_base_i;
  assign unused_cmd = cmd.first ^ cmd.last;
  assign cmd_ready_o = cmd_take;
  assign q_ready_o = en && need_q;
  assign k_ready_o = en && need_k;
  assign v_ready_o = en && need_v;

  tile_schedule #(
      .Keys  (Keys),
      .Values(Values),
      .Degree(Degree)
  ) u_schedule (
      .clk_i,
      .rst_ni,
      .en_i(en),
      .cmd_valid_i,
      .cmd_i(given),
      .cmd_take_o(cmd_take),
      .slot_o(slot),
      .pe_instr_o(pe_instr),
      .pe_cmd_o(cmd),
      .lane_instr_o(lane_instr),
      .lane_index_o(lane_index),
      .need_q_o(need_q),
      .need_k_o(need_k),
      .need_v_o(need_v)
  );

  // Left edge: keys and values stay for the four tiles; with OpLocalMax the first column that may see each key.
  logic [Rows-1:0][15:0] left, held_q, fresh;
  assign fresh = need_k ? k_data_i : v_data_i;
  always_ff @(posedge clk_i) begin
    if (en && (need_k || need_v)) held_q <= fresh;
  end
  always_comb begin
    for (int unsigned r = 0; r < Rows; r++) begin
      if (pe_instr.op != OpLocalMax) left[r] = (need_k || need_v) ? fresh[r] : held_q[r];
      else if (r >= 32'(cmd.rows)) left[r] = 16'h7fff;
      else left[r] = cmd.causal ? cmd.base + 16'(r) - 16'(Cols) * 16'(slot) : '0;
    end
  end

  // Top edge: queries, skewed like the columns; maxima and zeros where sums and exponentials begin.
  column_t [Cols-1:0] top, bottom;
  instr_t [Cols-1:0] instr_top;
  logic [Cols-1:0][15:0] query, m;
  for (genvar c = 0; c < Cols; c++) begin : gen_column
    skew_line #(
        .Width(16),
        .Depth(c)
    ) u_query (
        .clk_i,
        .en_i(en),
        .d_i (q_data_i[c]),
        .q_o (query[c])
    );
    always_comb begin
      top[c] = '0;
      if (instr_top[c].op == OpDot) top[c].data = {16'b0, query[c]};
      else if (instr_top[c].op == OpSub) top[c].data = {16'b0, m[c]};
    end
  end

  pe_array #(
      .Rows  (Rows),
      .Cols  (Cols),
      .Degree(Degree)
  ) u_pe_array (
      .clk_i,
      .rst_ni,
      .en_i(en),
      .instr_i(pe_instr),
      .left_i(left),
      .top_i(top),
      .instr_top_o(instr_top),
      .bottom_o(bottom),
      .busy_o(pe_busy_o)
  );

  control_line #(
      .Width(WidthLane),
      .Depth(Lat * Rows)
  ) u_lane_instr (
      .clk_i,
      .rst_ni,
      .en_i(en),
      .d_i ({lane_instr, lane_index}),
      .q_o ({lane_instr_0, lane_index_0})
  );

  logic result_valid, result_last;
  logic [Cols-1:0][15:0] result;
  vector_array #(
      .Cols  (Cols),
      .Values(Values),
      .Degree(Degree)
  ) u_vector_array (
      .clk_i,
      .rst_ni,
      .en_i(en),
      .instr_i(lane_instr_0),
      .index_i(lane_index_0),
      .bottom_i(bottom),
      .m_o(m),
      .result_valid_o(result_valid),
      .result_o(result),
      .busy_o(lane_busy_o)
  );
  control_line #(
      .Width(1),
      .Depth(Lat + DivLatency + Cols - 1)
  ) u_last (
      .clk_i,
      .rst_ni,
      .en_i(en),
      .d_i (32'(lane_index_0) == Values * Lat - 1),
      .q_o (result_last)
  );

  // A result waits here, also while the arrays stand still.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) av_valid_o <= 1'b0;
    else if (en) av_valid_o <= result_valid;
    else if (av_ready_i) av_valid_o <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (en) begin
      av_data_o <= result;
      av_last_o <= result_last;
    end
  end

  `ARCHSIM_ARMED
  `ARCHSIM_ASSERT(ResultWaits, !(av_valid_o && !av_ready_i && en))
endmodule

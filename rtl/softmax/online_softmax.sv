// Online softmax: running maximum, weights, rescale factor and denominator of rows of scores that come in beats.
//
// Contract: Lat rows take turns, one beat of Lanes float32 scores each (beat i belongs to row i mod Lat); in_first_i starts
// a row, in_last_i ends it. For every beat leaves one, in order: the weights exp(score - maximum so far), 0 where the
// mask hides the score, the factor exp(maximum before - maximum so far) by which sums of earlier weights are to be
// multiplied (0 at the start and while nothing was visible), and the denominator so far. All float32. A row without any
// visible score ends with denominator 0: nothing is minus infinity, no NaN arises.
// The model is online_softmax of rtl/bench/models_softmax.py.
// Cycles: one beat a clock; Latency 4 * (Degree + log2(Lanes) + 3) + 6 from a beat taken to its result offered.
`include "archsim_assert.svh"

module online_softmax
  import attention_pkg::*;
#(
    parameter int unsigned Lanes  = 4,
    parameter int unsigned Degree = 5
) (
    input logic clk_i,
    input logic rst_ni,
    input logic in_valid_i,
    output logic in_ready_o,
    input logic in_first_i,
    input logic in_last_i,
    input logic [Lanes-1:0] in_visible_i,
    input logic [Lanes-1:0][31:0] in_score_i,
    output logic out_valid_o,
    input logic out_ready_i,
    output logic out_last_o,
    output logic [Lanes-1:0][31:0] out_weight_o,
    output logic [31:0] out_factor_o,
    output logic [31:0] out_denominator_o
);
  localparam int unsigned Levels = $clog2(Lanes);
  localparam int unsigned ExpLatency = Lat * (Degree + 1) + 3;
  localparam int unsigned SumLatency = Lat * Levels;

  if (Lanes != 1 << Levels) begin : gen_check
    $error("online_softmax: Lanes is a power of two");
  end

  logic en;
  assign en = !(out_valid_o && !out_ready_i);
  assign in_ready_o = en;

  // Maxima
  typedef struct packed {
    logic valid;
    logic [1:0] slot;
    logic first;
    logic last;
  } tag_t;

  tag_t tag_max, tag_exp, tag_sum, tag_den;
  logic [Lanes-1:0] visible, live;
  logic [Lanes-1:0][31:0] score;
  logic prior_valid, after_valid, begun;
  logic [31:0] prior, after;

  running_max #(
      .Lanes(Lanes),
      .Width(32)
  ) u_max (
      .clk_i,
      .rst_ni,
      .en_i(en),
      .valid_i(in_valid_i),
      .first_i(in_first_i),
      .last_i(in_last_i),
      .visible_i(in_visible_i),
      .score_i(in_score_i),
      .valid_o(tag_max.valid),
      .slot_o(tag_max.slot),
      .first_o(tag_max.first),
      .last_o(tag_max.last),
      .visible_o(visible),
      .score_o(score),
      .prior_valid_o(prior_valid),
      .prior_o(prior),
      .after_valid_o(after_valid),
      .after_o(after)
  );

  // Exponentials: lane Lanes makes the factor.
  logic [Lanes:0][31:0] raised;
  logic [Lanes:0][15:0] unused_y16;
  for (genvar i = 0; i <= Lanes; i++) begin : gen_exp
    logic [31:0] difference;
    fp_add u_sub (
        .clk_i,
        .en_i (en),
        .a_i  ((i < Lanes) ? score[i%Lanes] : prior),
        .c_i  ({!after[31], after[30:0]}),
        .y_o  (difference),
        .y16_o(unused_y16[i])
    );
    exp_unit #(
        .Degree(Degree)
    ) u_exp (
        .clk_i,
        .en_i(en),
        .x_i (difference),
        .y_o (raised[i])
    );
  end
  control_line #(
      .Width($bits(tag_t)),
      .Depth(Lat + ExpLatency)
  ) u_tag_exp (
      .clk_i,
      .rst_ni,
      .en_i(en),
      .d_i (tag_max),
      .q_o (tag_exp)
  );
  skew_line #(
      .Width(Lanes + 1),
      .Depth(Lat + ExpLatency)
  ) u_live (
      .clk_i,
      .en_i(en),
      .d_i ({prior_valid, visible}),
      .q_o ({begun, live})
  );
  logic [Lanes-1:0][31:0] weight;
  logic [31:0] factor;
  assign factor = begun ? raised[Lanes] : '0;
  for (genvar i = 0; i < Lanes; i++) begin : gen_weight
    assign weight[i] = live[i] ? raised[i] : '0;
  end

  // Sum of the beat's weights, by halves: node n adds its children 2n and 2n + 1.
  logic [2*Lanes-1:1][31:0] tree;
  logic [  Lanes-1:0][15:0] unused_sum16;
  for (genvar i = 0; i < Lanes; i++) begin : gen_leaf
    assign tree[Lanes+i] = weight[i];
  end
  for (genvar i = 1; i < Lanes; i++) begin : gen_node
    fp_add u_add (
        .clk_i,
        .en_i (en),
        .a_i  (tree[2*i]),
        .c_i  (tree[2*i+1]),
        .y_o  (tree[i]),
        .y16_o(unused_sum16[i])
    );
  end
  logic [31:0] factor_sum;
  control_line #(
      .Width($bits(tag_t)),
      .Depth(SumLatency)
  ) u_tag_sum (
      .clk_i,
      .rst_ni,
      .en_i(en),
      .d_i (tag_exp),
      .q_o (tag_sum)
  );
  skew_line #(
      .Width(32),
      .Depth(SumLatency)
  ) u_factor_sum (
      .clk_i,
      .en_i(en),
      .d_i (factor),
      .q_o (factor_sum)
  );

  // Denominator: a row's next beat comes Lat clocks after this one at the earliest, when the sum is there.
  logic [31:0] sum, held;
  logic [15:0] unused_den16;
  logic unused_first;
  assign unused_first = tag_den.first;
  logic [Lat-1:0][31:0] den_q;
  assign held = (tag_den.valid && tag_den.slot == tag_sum.slot) ? sum : den_q[tag_sum.slot];
  fp_mac #(
      .ManA(24),
      .ManB(24)
  ) u_den (
      .clk_i,
      .en_i (en),
      .a_i  (tag_sum.first ? '0 : held),
      .b_i  (factor_sum),
      .c_i  (tree[1]),
      .y_o  (sum),
      .y16_o(unused_den16)
  );
  control_line #(
      .Width($bits(tag_t)),
      .Depth(Lat)
  ) u_tag_den (
      .clk_i,
      .rst_ni,
      .en_i(en),
      .d_i (tag_sum),
      .q_o (tag_den)
  );
  always_ff @(posedge clk_i) begin
    if (en && tag_den.valid) den_q[tag_den.slot] <= sum;
  end

  logic [Lanes-1:0][31:0] weight_den;
  logic [31:0] factor_den;
  skew_line #(
      .Width(32 * (Lanes + 1)),
      .Depth(SumLatency + Lat)
  ) u_weight_den (
      .clk_i,
      .en_i(en),
      .d_i ({weight, factor}),
      .q_o ({weight_den, factor_den})
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) out_valid_o <= 1'b0;
    else if (en) out_valid_o <= tag_den.valid;
  end
  always_ff @(posedge clk_i) begin
    if (en) begin
      out_last_o        <= tag_den.last;
      out_weight_o      <= weight_den;
      out_factor_o      <= factor_den;
      out_denominator_o <= sum;
    end
  end

  `ARCHSIM_ARMED
  `ARCHSIM_ASSERT(ShownScoreHasMaximum, !(tag_max.valid && visible != '0 && !after_valid))
  `ARCHSIM_ASSERT(MaximumStays, !(tag_max.valid && prior_valid && !after_valid))
endmodule

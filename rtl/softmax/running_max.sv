// Running maximum of rows of scores, and the control of the online softmax.
//
// Contract: rows take turns, a beat of Lanes scores each: beat i belongs to row i mod Lat of those on their way; first_i
// starts a row anew. One clock after a beat come its scores, the row's maximum before it and after it, each with a valid
// bit instead of minus infinity: not valid until a visible score has come. A beat without a visible score changes
// nothing. The order of beats and their first and last are kept; there is no beat that was not taken.
// Cycles: one beat at every enabled clock, Latency 2: the beat's own maximum | the row's.
`include "archsim_assert.svh"

module running_max
  import attention_pkg::*;
#(
    parameter int unsigned Lanes = 4,
    parameter int unsigned Width = 32
) (
    input  logic                        clk_i,
    input  logic                        rst_ni,
    input  logic                        en_i,
    input  logic                        valid_i,
    input  logic                        first_i,
    input  logic                        last_i,
    input  logic [Lanes-1:0]            visible_i,
    input  logic [Lanes-1:0][Width-1:0] score_i,
    output logic                        valid_o,
    output logic [      1:0]            slot_o,
    output logic                        first_o,
    output logic                        last_o,
    output logic [Lanes-1:0]            visible_o,
    output logic [Lanes-1:0][Width-1:0] score_o,
    output logic                        prior_valid_o,
    output logic [Width-1:0]            prior_o,
    output logic                        after_valid_o,
    output logic [Width-1:0]            after_o
);
  typedef struct packed {
    logic             valid;
    logic [Width-1:0] value;
  } maximum_t;

  // The maximum of the beat, by halves.
  localparam int unsigned Leaves = 1 << $clog2(Lanes);
  maximum_t [2*Leaves-1:1] tree;
  for (genvar i = 0; i < Leaves; i++) begin : gen_leaf
    if (i < Lanes) begin : gen_score
      assign tree[Leaves+i] = '{valid: visible_i[i], value: score_i[i]};
    end else begin : gen_none
      assign tree[Leaves+i] = '0;
    end
  end
  for (genvar i = 1; i < Leaves; i++) begin : gen_node
    fp_max #(
        .Width(Width)
    ) u_max (
        .a_valid_i(tree[2*i].valid),
        .a_i(tree[2*i].value),
        .b_valid_i(tree[2*i+1].valid),
        .b_i(tree[2*i+1].value),
        .y_valid_o(tree[i].valid),
        .y_o(tree[i].value)
    );
  end

  logic valid_q, first_q, last_q;
  logic [1:0] slot_q;
  logic [Lanes-1:0] visible_q;
  logic [Lanes-1:0][Width-1:0] score_q;
  maximum_t own_q;
  maximum_t [Lat-1:0] row_q;
  maximum_t prior, after;

  assign prior.valid = row_q[slot_q].valid && !first_q;
  assign prior.value = row_q[slot_q].value;
  fp_max #(
      .Width(Width)
  ) u_row (
      .a_valid_i(prior.valid),
      .a_i(prior.value),
      .b_valid_i(own_q.valid),
      .b_i(own_q.value),
      .y_valid_o(after.valid),
      .y_o(after.value)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      valid_o <= 1'b0;
      slot_q  <= '0;
      row_q   <= '0;
    end else if (en_i) begin
      valid_q <= valid_i;
      valid_o <= valid_q;
      if (valid_q) begin
        slot_q <= slot_q + 1'b1;
        row_q[slot_q] <= after;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      first_q       <= first_i;
      last_q        <= last_i;
      visible_q     <= visible_i;
      score_q       <= score_i;
      own_q         <= tree[1];
      slot_o        <= slot_q;
      first_o       <= first_q;
      last_o        <= last_q;
      visible_o     <= visible_q;
      score_o       <= score_q;
      prior_valid_o <= prior.valid;
      prior_o       <= prior.value;
      after_valid_o <= after.valid;
      after_o       <= after.value;
    end
  end
endmodule

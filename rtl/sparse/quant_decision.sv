// Progressive quantization: does a row of probabilities need the low bits of its keys? (SpAtten, HPCA'21, section III-D)
//
// Contract: a packet on `in` is one row of attention probabilities, in_len_i of them in the lowest lanes of each beat
// (none is allowed), with a tag and the threshold in every beat. The answer to each packet is one beat: max_o is the
// largest probability (0 for an empty row), refetch_o is set if it is below the threshold: the distribution is flat, so
// quantization errors matter, and the low bits are worth fetching. A row computed again with the low bits has
// in_again_i set and is never sent back.
// Cycles: the answer is offered 3 cycles after the last beat is taken: groups of lanes | the beat | the row. One beat a
// cycle. An answer that waits holds back only the last beat of the next row, and then what comes after it.
`include "archsim_assert.svh"

module quant_decision
  import archsim_pkg::*;
#(
    parameter int unsigned P = 8,
    parameter int unsigned W = 12,
    parameter int unsigned TagWidth = 8,
    localparam int unsigned LenWidth = count_width(P)
) (
    input  logic                       clk_i,
    input  logic                       rst_ni,
    input  logic                       in_valid_i,
    output logic                       in_ready_o,
    input  logic                       in_last_i,
    input  logic                       in_again_i,
    input  logic [       W-1:0]        in_threshold_i,
    input  logic [TagWidth-1:0]        in_tag_i,
    input  logic [LenWidth-1:0]        in_len_i,
    input  logic [       P-1:0][W-1:0] in_prob_i,
    output logic                       out_valid_o,
    input  logic                       out_ready_i,
    output logic                       out_refetch_o,
    output logic [TagWidth-1:0]        out_tag_o,
    output logic [       W-1:0]        out_max_o
);
  // The maximum of a beat by halves: node i of a tree has the nodes 2i and 2i+1 below it, the lanes are its leaves, and
  // the nodes of one level in the middle are the groups.
  localparam int unsigned Levels = $clog2(P);
  localparam int unsigned Leaves = 1 << Levels;
  localparam int unsigned Groups = 1 << (Levels / 2);

  // What goes along with a beat.
  typedef struct packed {
    logic                last;
    logic                again;
    logic [W-1:0]        threshold;
    logic [TagWidth-1:0] tag;
  } context_t;

  function automatic logic [W-1:0] larger(logic [W-1:0] a, logic [W-1:0] b);
    return (a > b) ? a : b;
  endfunction

  logic valid_1_q, valid_2_q, valid_q, refetch_q, ready_1, ready_2, ready_3, finish;
  context_t context_1_q, context_2_q;
  logic [2*Leaves-1:Groups][W-1:0] lower;
  logic [2*Groups-1:1][W-1:0] upper;
  logic [Groups-1:0][W-1:0] group_q;
  logic [W-1:0] beat_q, so_far_q, row_max, out_max_q;
  logic [TagWidth-1:0] tag_q;

  for (genvar i = 0; i < Leaves; i++) begin : gen_leaf
    if (i < P) begin : gen_lane
      assign lower[Leaves+i] = (LenWidth'(unsigned'(i)) < in_len_i) ? in_prob_i[i] : '0;
    end else begin : gen_none
      assign lower[Leaves+i] = '0;
    end
  end
  for (genvar i = Groups; i < Leaves; i++) begin : gen_lower
    assign lower[i] = larger(lower[2*i], lower[2*i+1]);
  end
  assign upper[2*Groups-1:Groups] = group_q;
  for (genvar i = 1; i < Groups; i++) begin : gen_upper
    assign upper[i] = larger(upper[2*i], upper[2*i+1]);
  end
  assign row_max       = larger(so_far_q, beat_q);

  assign ready_3       = !context_2_q.last || !valid_q || out_ready_i;
  assign ready_2       = !valid_2_q || ready_3;
  assign ready_1       = !valid_1_q || ready_2;
  assign finish        = valid_2_q && context_2_q.last && ready_3;
  assign in_ready_o    = ready_1;
  assign out_valid_o   = valid_q;
  assign out_refetch_o = refetch_q;
  assign out_tag_o     = tag_q;
  assign out_max_o     = out_max_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_1_q <= 1'b0;
      valid_2_q <= 1'b0;
      valid_q   <= 1'b0;
      so_far_q  <= '0;
    end else begin
      if (ready_1) valid_1_q <= in_valid_i;
      if (ready_2) valid_2_q <= valid_1_q;
      if (valid_2_q && ready_3) so_far_q <= context_2_q.last ? '0 : row_max;
      if (finish) valid_q <= 1'b1;
      else if (out_ready_i) valid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (ready_1) begin
      context_1_q <= {in_last_i, in_again_i, in_threshold_i, in_tag_i};
      group_q     <= lower[2*Groups-1:Groups];
    end
    if (ready_2) begin
      context_2_q <= context_1_q;
      beat_q      <= upper[1];
    end
    if (finish) begin
      refetch_q <= !context_2_q.again && row_max < context_2_q.threshold;
      tag_q     <= context_2_q.tag;
      out_max_q <= row_max;
    end
  end
endmodule

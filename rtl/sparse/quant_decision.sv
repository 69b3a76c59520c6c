// Progressive quantization: does a row of probabilities need the low bits of its keys? (SpAtten, HPCA'21, section III-D)
//
// Contract: a packet on `in` is one row of attention probabilities, in_len_i of them in the lowest lanes of each beat
// (none is allowed), with a tag and the threshold in every beat. The answer to each packet is one beat: max_o is the
// largest probability (0 for an empty row), refetch_o is set if it is below the threshold: the distribution is flat, so
// quantization errors matter, and the low bits are worth fetching. A row computed again with the low bits has
// in_again_i set and is never sent back.
// Cycles: the answer is offered in the cycle after the last beat is taken. One beat a cycle.
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
  logic valid_q, refetch_q, take;
  logic [W-1:0] so_far_q, row_max, out_max_q;
  logic [TagWidth-1:0] tag_q;

  assign in_ready_o    = !in_last_i || !valid_q || out_ready_i;
  assign take          = in_valid_i && in_ready_o;
  assign out_valid_o   = valid_q;
  assign out_refetch_o = refetch_q;
  assign out_tag_o     = tag_q;
  assign out_max_o     = out_max_q;

  always_comb begin
    row_max = so_far_q;
    for (int unsigned i = 0; i < P; i++) begin
      if (LenWidth'(i) < in_len_i && in_prob_i[i] > row_max) row_max = in_prob_i[i];
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q  <= 1'b0;
      so_far_q <= '0;
    end else begin
      if (take) so_far_q <= in_last_i ? '0 : row_max;
      if (take && in_last_i) valid_q <= 1'b1;
      else if (out_ready_i) valid_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (take && in_last_i) begin
      refetch_q <= !in_again_i && row_max < in_threshold_i;
      tag_q     <= in_tag_i;
      out_max_q <= row_max;
    end
  end
endmodule

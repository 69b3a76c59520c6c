// topk_engine on every job of a small size, with any stalls on both sides: the answer holds the k largest scores in
// input order, of equal ones the first, each once, with its index; and without stalls it comes in the cycle of the
// formula.
`include "archsim_assert.svh"

module topk_engine_props
  import archsim_pkg::*;
#(
    parameter int unsigned NMax = 4,
    parameter int unsigned P = 2,
    parameter int unsigned W = 5,
    parameter int unsigned Mode = 1,
    parameter int unsigned Bound = 14,  // cycles within which every job ends
    localparam int unsigned IndexWidth = index_width(NMax),
    localparam int unsigned CountWidth = count_width(NMax),
    localparam int unsigned LenWidth = count_width(P)
) (
    input logic                         clk_i,
    input logic                         rst_ni,
    input logic [CountWidth-1:0]        n_i,
    input logic [CountWidth-1:0]        k_i,
    input logic [      NMax-1:0][W-1:0] score_i,
    input logic                         offer_i,
    input logic                         out_ready_i
);
  logic in_valid, in_ready, in_last, out_valid, out_last, error, take, give;
  logic [LenWidth-1:0] in_len, out_len;
  logic [P-1:0][W-1:0] in_score, out_score;
  logic [P-1:0][IndexWidth-1:0] in_idx, out_idx;
  logic [W-1:0] theta;
  logic [CountWidth-1:0] rounds, sent_q, got_q, left;
  logic [31:0] cycles;

  `ARCHSIM_ARMED
  assign left     = n_i - sent_q;
  assign in_valid = armed && offer_i && left != '0;
  assign in_last  = 32'(left) <= P;
  assign in_len   = in_last ? LenWidth'(left) : LenWidth'(P);
  assign take     = in_valid && in_ready;
  assign give     = out_valid && out_ready_i;
  always_comb begin
    for (int unsigned i = 0; i < P; i++) begin
      in_idx[i]   = IndexWidth'(32'(sent_q) + i);
      in_score[i] = score_i[in_idx[i]];
    end
  end

  topk_engine #(
      .NMax      (NMax),
      .P         (P),
      .W         (W),
      .IndexWidth(IndexWidth),
      .Mode      (topk_mode_e'(Mode))
  ) u_dut (
      .clk_i,
      .rst_ni,
      .clear_i     (1'b0),
      .in_valid_i  (in_valid),
      .in_ready_o  (in_ready),
      .in_last_i   (in_last),
      .in_len_i    (in_len),
      .in_score_i  (in_score),
      .in_idx_i    (in_idx),
      .in_k_i      (k_i),
      .out_valid_o (out_valid),
      .out_ready_i,
      .out_last_o  (out_last),
      .out_len_o   (out_len),
      .out_score_o (out_score),
      .out_idx_o   (out_idx),
      .out_theta_o (theta),
      .out_rounds_o(rounds),
      .out_cycles_o(cycles),
      .out_error_o (error)
  );

  // The job stays as it is.
  logic begun_q;
  logic [CountWidth-1:0] n_q, k_q;
  logic [NMax-1:0][W-1:0] score_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begun_q <= 1'b0;
    else begun_q <= 1'b1;
  end
  always_ff @(posedge clk_i) begin
    n_q     <= n_i;
    k_q     <= k_i;
    score_q <= score_i;
  end
  `ARCHSIM_ASSUME(JobStays, !begun_q || (n_q == n_i && k_q == k_i && score_q == score_i))
  `ARCHSIM_ASSUME(JobInRange, n_i != '0 && 32'(n_i) <= NMax && 32'(k_i) <= NMax)

  // What is to be kept: a score with fewer than k larger ones, equal ones before it counted as larger.
  logic [NMax-1:0] kept;
  logic [NMax-1:0][CountWidth-1:0] rank, below;
  logic [CountWidth-1:0] total;
  logic theta_met, theta_between;
  always_comb begin
    total         = '0;
    theta_met     = 1'b0;
    theta_between = 1'b1;
    for (int unsigned i = 0; i < NMax; i++) begin
      rank[i] = '0;
      for (int unsigned j = 0; j < NMax; j++) begin
        if (CountWidth'(j) < n_i) begin
          if (score_i[j] > score_i[i]) rank[i] = rank[i] + 1'b1;
          if (j < i && score_i[j] == score_i[i]) rank[i] = rank[i] + 1'b1;
        end
      end
      kept[i]  = CountWidth'(i) < n_i && rank[i] < k_i;
      below[i] = total;
      total    = total + CountWidth'(kept[i]);
      if (kept[i] && score_i[i] == theta) theta_met = 1'b1;
      if (kept[i] && score_i[i] < theta) theta_between = 1'b0;
      if (CountWidth'(i) < n_i && !kept[i] && score_i[i] > theta) theta_between = 1'b0;
    end
  end

  // Where it stands: elements sent and got, cycles since the first beat was taken, whether anything waited.
  logic running_q, ended_q, stalled_q;
  logic [7:0] age_q, age, due, rows;
  assign age  = running_q ? age_q : '0;
  assign rows = 8'((32'(n_i) + P - 1) / P);
  always_comb begin
    if (k_i == '0) due = rows + 8'd4;
    // The last row fills a row and leaves a rest: of two rows, if more than one row is kept.
    else
      due = 8'(2 * 32'(rows) + cycles + 3) + 8'(32'(rows) == 2 && 32'(total) > P);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      running_q <= 1'b0;
      ended_q   <= 1'b0;
      stalled_q <= 1'b0;
      sent_q    <= '0;
      got_q     <= '0;
      age_q     <= '0;
    end else begin
      running_q <= running_q || take;
      age_q     <= age + 8'(running_q || take);
      if (take) sent_q <= sent_q + CountWidth'(in_len);
      if (give) got_q <= got_q + CountWidth'(out_len);
      ended_q <= ended_q || (give && out_last);
      if (running_q && left != '0 && !offer_i) stalled_q <= 1'b1;
      if (out_valid && !out_ready_i) stalled_q <= 1'b1;
    end
  end

  for (genvar l = 0; l < P; l++) begin : gen_lane
    logic used;
    logic [IndexWidth-1:0] place;
    assign used  = out_valid && 32'(out_len) > unsigned'(l);
    assign place = out_idx[l];
    `ARCHSIM_ASSERT(KeptInOrder,
                    !used || (kept[place] && 32'(below[place]) == 32'(got_q) + unsigned'(l)))
    `ARCHSIM_ASSERT(WithItsScore, !used || out_score[l] == score_i[place])
    `ARCHSIM_ASSERT(NothingAbove, used || !out_valid || (out_score[l] == '0 && place == '0))
  end
  `ARCHSIM_ASSERT(LastIsTheLast, !out_valid || out_last == (got_q + CountWidth'(out_len) == total))
  `ARCHSIM_ASSERT(FullButTheLast, !out_valid || out_last || 32'(out_len) == P)
  `ARCHSIM_ASSERT(OnceOnly, !ended_q || !out_valid)
  `ARCHSIM_ASSERT(NoError, !out_valid || !error)
  `ARCHSIM_ASSERT(ThetaIsKth, !out_valid || rounds == '0 || (theta_met && theta_between))
  `ARCHSIM_ASSERT(OnTime, stalled_q || ended_q || !out_valid || !out_last || age == due)
  `ARCHSIM_ASSERT(NoLater, stalled_q || ended_q || !running_q || 32'(age) <= Bound)
endmodule

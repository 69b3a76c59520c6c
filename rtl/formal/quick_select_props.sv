// quick_select on every n, k and all keys of a small size: it comes to an end within Bound cycles, and then theta is the
// k-th largest and keep_equal the number of equal ones among the k largest. Bound is the case in which every pivot
// throws out one candidate only.
`include "archsim_assert.svh"

module quick_select_props
  import archsim_pkg::*;
#(
    parameter int unsigned NMax = 4,
    parameter int unsigned P = 2,
    parameter int unsigned W = 2,
    parameter int unsigned Bound = 19,
    localparam int unsigned CountWidth = count_width(NMax),
    localparam int unsigned Rows = (NMax + P - 1) / P,
    localparam int unsigned RowWidth = index_width(Rows)
) (
    input logic                         clk_i,
    input logic                         rst_ni,
    input logic [CountWidth-1:0]        n_i,
    input logic [CountWidth-1:0]        k_i,
    input logic [    Rows*P-1:0][W-1:0] keys_i
);
  logic started_q, start, done;
  logic [RowWidth-1:0] row;
  logic [P-1:0][W-1:0] row_q;
  logic [W-1:0] theta;
  logic [CountWidth-1:0] keep_equal, rounds, n_q, k_q, above, equal;
  logic [Rows*P-1:0][W-1:0] keys_q;
  logic [7:0] age_q;

  `ARCHSIM_ARMED
  assign start = armed && !started_q;

  quick_select #(
      .NMax(NMax),
      .P   (P),
      .W   (W)
  ) u_dut (
      .clk_i,
      .rst_ni,
      .clear_i     (1'b0),
      .start_i     (start),
      .n_i,
      .k_i,
      .row_o       (row),
      .keys_i      (row_q),
      .done_o      (done),
      .theta_o     (theta),
      .keep_equal_o(keep_equal),
      .rounds_o    (rounds)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      started_q <= 1'b0;
      age_q     <= '0;
    end else begin
      started_q <= 1'b1;
      age_q     <= done ? '0 : (start || age_q != '0) ? age_q + 1'b1 : '0;
    end
  end

  always_ff @(posedge clk_i) begin
    keys_q <= keys_i;
    n_q    <= n_i;
    k_q    <= k_i;
    for (int unsigned i = 0; i < P; i++) row_q[i] <= keys_i[32'(row)*P+i];
  end

  always_comb begin
    above = '0;
    equal = '0;
    for (int unsigned i = 0; i < NMax; i++) begin
      if (CountWidth'(i) < n_i && keys_i[i] > theta) above = above + 1'b1;
      if (CountWidth'(i) < n_i && keys_i[i] == theta) equal = equal + 1'b1;
    end
  end

  `ARCHSIM_ASSUME(JobStays, !started_q || (keys_q == keys_i && n_q == n_i && k_q == k_i))
  `ARCHSIM_ASSUME(JobInRange, k_i != '0 && k_i <= n_i && 32'(n_i) <= NMax)
  `ARCHSIM_ASSERT(ComesToAnEnd, age_q <= 8'(Bound))
  `ARCHSIM_ASSERT(ThetaIsKth, !done || (above < k_i && k_i <= above + equal))
  `ARCHSIM_ASSERT(KeepsTheRest, !done || keep_equal == k_i - above)
  `ARCHSIM_ASSERT(RoundsInRange, !done || (rounds != '0 && rounds <= n_i))
endmodule

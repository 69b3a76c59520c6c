// radix_select on every n, k and all keys of a small size: it takes exactly the cycles of its formula, and then theta is
// the k-th largest and keep_equal the number of equal ones among the k largest.
`include "archsim_assert.svh"

module radix_select_props
  import archsim_pkg::*;
#(
    parameter int unsigned NMax = 4,
    parameter int unsigned P = 2,
    parameter int unsigned W = 4,
    parameter int unsigned DigitBits = 2,
    localparam int unsigned CountWidth = count_width(NMax),
    localparam int unsigned LenWidth = count_width(P),
    localparam int unsigned Rows = (NMax + P - 1) / P,
    localparam int unsigned RowWidth = index_width(Rows),
    localparam int unsigned Digits = (W + DigitBits - 1) / DigitBits
) (
    input logic                         clk_i,
    input logic                         rst_ni,
    input logic [CountWidth-1:0]        n_i,
    input logic [CountWidth-1:0]        k_i,
    input logic [    Rows*P-1:0][W-1:0] keys_i
);
  logic started_q, load, start, done;
  logic [RowWidth-1:0] row;
  logic [P-1:0][W-1:0] row_q, load_row;
  logic [W-1:0] theta;
  logic [CountWidth-1:0] keep_equal, rounds, n_q, k_q, loaded_q, left, above, equal;
  logic [Rows*P-1:0][W-1:0] keys_q;
  logic [7:0] age_q, rows;

  `ARCHSIM_ARMED
  assign left  = n_i - loaded_q;
  assign load  = armed && loaded_q < n_i;
  assign start = armed && !load && !started_q;
  always_comb for (int unsigned i = 0; i < P; i++) load_row[i] = keys_i[32'(loaded_q)+i];

  radix_select #(
      .NMax     (NMax),
      .P        (P),
      .W        (W),
      .DigitBits(DigitBits)
  ) u_dut (
      .clk_i,
      .rst_ni,
      .clear_i     (1'b0),
      .load_valid_i(load),
      .load_len_i  ((32'(left) > P) ? LenWidth'(P) : LenWidth'(left)),
      .load_keys_i (load_row),
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
      loaded_q  <= '0;
      age_q     <= '0;
    end else begin
      if (load) loaded_q <= (32'(left) > P) ? loaded_q + CountWidth'(P) : n_i;
      if (start) started_q <= 1'b1;
      age_q <= done ? '0 : (start || age_q != '0) ? age_q + 1'b1 : '0;
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

  logic begun_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begun_q <= 1'b0;
    else begun_q <= 1'b1;
  end

  assign rows = 8'((32'(n_i) + P - 1) / P);
  `ARCHSIM_ASSUME(JobStays, !begun_q || (keys_q == keys_i && n_q == n_i && k_q == k_i))
  `ARCHSIM_ASSUME(JobInRange, k_i != '0 && k_i <= n_i && 32'(n_i) <= NMax)
  `ARCHSIM_ASSERT(EndsOnTime,
                  age_q == '0 || (age_q == 8'd1 + 8'(Digits - 1) * (rows + 8'd2)) == done)
  `ARCHSIM_ASSERT(ThetaIsKth, !done || (above < k_i && k_i <= above + equal))
  `ARCHSIM_ASSERT(KeepsTheRest, !done || keep_equal == k_i - above)
  `ARCHSIM_ASSERT(Passes, !done || 32'(rounds) == Digits)
endmodule

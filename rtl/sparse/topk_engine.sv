// Keeps the k largest scores of a row of n, with their indices, in the order of the input (SpAtten, HPCA'21).
//
// Contract: a job is a packet of beats with in_len_i scores and indices in the lowest lanes: P in every beat but the
// last, 1..P in the last, NMax at most; in_k_i counts in the first beat. The answer is a packet with the min(k, n)
// largest in input order, lanes above out_len_o zero, every beat full but the last; of equal scores the first ones are
// kept. k = 0 is answered by one empty last beat; k >= n takes no selection. A job with a beat of a wrong length or with
// too many scores is read to its end and answered by one empty last beat with out_error_o. out_rounds_o (pivots, or
// passes; 0 without a selection), out_theta_o (then 0, else the k-th largest score), out_cycles_o (cycles of the
// selection) and out_error_o come with every beat of the answer.
// clear_i drops everything at the next edge; then a new job may begin. A job is loaded while the answer before drains.
// Mode: TopkQuickSelect or TopkRadixSelect (see quick_select, radix_select). Signed: scores are two's complement.
// Cycles without stalls, from the first beat taken to the offer of the last beat of the answer, with m = ceil(n/P):
// 2 m + S + 3, one more if the last row read fills a row and leaves a rest; S = out_cycles_o, the selection from start_i
// to done_o. For k = 0 and for a refused job: m + 4. Radix: at most 4 m + 24 for W <= 12 and any scores. The filter
// (m cycles, from cycle m + S + 1 on) waits until the answer before has gone.
`include "archsim_assert.svh"

module topk_engine
  import archsim_pkg::*;
#(
    parameter int unsigned NMax = 1024,
    parameter int unsigned P = 16,
    parameter int unsigned W = 12,
    parameter int unsigned IndexWidth = 10,
    parameter bit Signed = 1'b0,
    parameter topk_mode_e Mode = TopkRadixSelect,
    parameter logic [15:0] Seed = 16'hACE1,
    localparam int unsigned CountWidth = count_width(NMax),
    localparam int unsigned LenWidth = count_width(P)
) (
    input  logic                                  clk_i,
    input  logic                                  rst_ni,
    input  logic                                  clear_i,
    input  logic                                  in_valid_i,
    output logic                                  in_ready_o,
    input  logic                                  in_last_i,
    input  logic [  LenWidth-1:0]                 in_len_i,
    input  logic [         P-1:0][         W-1:0] in_score_i,
    input  logic [         P-1:0][IndexWidth-1:0] in_idx_i,
    input  logic [CountWidth-1:0]                 in_k_i,
    output logic                                  out_valid_o,
    input  logic                                  out_ready_i,
    output logic                                  out_last_o,
    output logic [  LenWidth-1:0]                 out_len_o,
    output logic [         P-1:0][         W-1:0] out_score_o,
    output logic [         P-1:0][IndexWidth-1:0] out_idx_o,
    output logic [         W-1:0]                 out_theta_o,
    output logic [CountWidth-1:0]                 out_rounds_o,
    output logic [          31:0]                 out_cycles_o,
    output logic                                  out_error_o
);
  localparam int unsigned Rows = (NMax + P - 1) / P;
  localparam int unsigned RowWidth = index_width(Rows);
  localparam logic [W-1:0] Flip = Signed ? W'(1) << (W - 1) : '0;

  if (P == 0 || (P & (P - 1)) != 0) begin : gen_bad_p
    $error("P must be a power of two");
  end
  if (NMax == 0 || NMax % P != 0) begin : gen_bad_n
    $error("NMax must be a multiple of P");
  end

  typedef struct packed {
    logic [W-1:0] key;
    logic [IndexWidth-1:0] idx;
  } element_t;
  typedef element_t [P-1:0] row_t;
  typedef struct packed {
    logic [W-1:0] theta;
    logic [CountWidth-1:0] keep_equal;
    logic [CountWidth-1:0] rounds;
    logic [31:0] cycles;
    logic refused;
  } found_t;
  typedef enum logic [1:0] {
    Load,
    Start,
    Select,
    Filter
  } state_e;

  state_e state_q;
  logic begun_q, bad_q, bad, mute_q, draining_q, overflow, row_valid_q, ready_to_read, all_kept;
  logic [CountWidth-1:0] n_q, k_q;
  found_t found_q, shown_q;
  logic take, done, step, issue, answered;

  // The selection.
  logic select_start, select_done;
  logic [CountWidth-1:0] select_keep_equal, select_rounds;
  logic [W-1:0] select_theta;
  logic [RowWidth-1:0] select_row;

  // The store of the job's row.
  row_t store_q[Rows];
  row_t in_row, row_q, out_form;
  logic [P-1:0][W-1:0] in_keys, row_keys;
  logic [RowWidth-1:0] write_q, read_row, filter_q;
  logic [CountWidth-1:0] left_q;

  always_comb begin
    for (int unsigned i = 0; i < P; i++) begin
      in_keys[i]  = in_score_i[i] ^ Flip;
      in_row[i]   = '{key: in_keys[i], idx: in_idx_i[i]};
      row_keys[i] = row_q[i].key;
      out_form[i] = '{key: row_q[i].key ^ Flip, idx: row_q[i].idx};
    end
  end

  // Load.
  assign in_ready_o = state_q == Load;
  assign take = in_valid_i && in_ready_o;
  assign overflow = n_q > CountWidth'(NMax - P);
  assign bad        = bad_q || overflow || in_len_i == '0 || in_len_i > LenWidth'(P)
      || (!in_last_i && in_len_i != LenWidth'(P));

  always_ff @(posedge clk_i) begin
    if (take && !bad) store_q[write_q] <= in_row;
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      begun_q <= 1'b0;
      bad_q   <= 1'b0;
      n_q     <= '0;
      write_q <= '0;
    end else if (clear_i || answered) begin
      begun_q <= 1'b0;
      bad_q   <= 1'b0;
      n_q     <= '0;
      write_q <= '0;
    end else if (take) begin
      begun_q <= 1'b1;
      bad_q   <= bad;
      if (!bad) begin
        n_q     <= n_q + CountWidth'(in_len_i);
        write_q <= write_q + 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (take && !begun_q) k_q <= in_k_i;
  end

  // From state to state.
  assign ready_to_read = !row_valid_q;
  assign all_kept      = k_q >= n_q;
  assign select_start  = state_q == Start && ready_to_read && !mute_q && !all_kept;
  assign done          = state_q == Select && select_done;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= Load;
    end else if (clear_i) begin
      state_q <= Load;
    end else begin
      unique case (state_q)
        Load:   if (take && in_last_i) state_q <= Start;
        Start:  if (ready_to_read) state_q <= (mute_q || all_kept) ? Filter : Select;
        Select: if (done) state_q <= Filter;
        Filter: if (answered) state_q <= Load;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (take) mute_q <= bad || (begun_q ? k_q == '0 : in_k_i == '0);
    if (state_q == Start) begin
      // Without a selection every key passes: it is above 0, or one of n that are equal to it.
      found_q            <= '0;
      found_q.keep_equal <= n_q;
    end else if (state_q == Select) begin
      found_q <= '{
          theta: select_theta,
          keep_equal: select_keep_equal,
          rounds: select_rounds,
          cycles: found_q.cycles + 1'b1,
          refused: 1'b0
      };
    end
  end

  if (Mode == TopkQuickSelect) begin : gen_quick
    quick_select #(
        .NMax(NMax),
        .P   (P),
        .W   (W),
        .Seed(Seed)
    ) u_select (
        .clk_i,
        .rst_ni,
        .clear_i,
        .start_i     (select_start),
        .n_i         (n_q),
        .k_i         (k_q),
        .row_o       (select_row),
        .keys_i      (row_keys),
        .done_o      (select_done),
        .theta_o     (select_theta),
        .keep_equal_o(select_keep_equal),
        .rounds_o    (select_rounds)
    );
  end else begin : gen_radix
    radix_select #(
        .NMax(NMax),
        .P   (P),
        .W   (W)
    ) u_select (
        .clk_i,
        .rst_ni,
        .clear_i     (clear_i || answered),
        .load_valid_i(take),
        .load_len_i  (in_len_i),
        .load_keys_i (in_keys),
        .start_i     (select_start),
        .n_i         (n_q),
        .k_i         (k_q),
        .row_o       (select_row),
        .keys_i      (row_keys),
        .done_o      (select_done),
        .theta_o     (select_theta),
        .keep_equal_o(select_keep_equal),
        .rounds_o    (select_rounds)
    );
  end

  // Filter, stage 0: read. It waits until the answer before has gone, whose status is still shown.
  assign issue    = state_q == Filter && !draining_q && step;
  assign answered = issue && (mute_q || left_q <= CountWidth'(P));
  assign read_row = (state_q == Filter) ? filter_q : select_row;

  always_ff @(posedge clk_i) begin
    if (step || !row_valid_q) row_q <= store_q[read_row];
    if (state_q == Start) begin
      left_q   <= n_q;
      filter_q <= '0;
    end else if (issue) begin
      left_q   <= left_q - CountWidth'(P);
      filter_q <= filter_q + 1'b1;
    end
  end

  // Stage 1: compare with theta; of the equal ones keep the first, as many as the quota still allows.
  logic row_first_q, row_last_q, row_mute_q;
  logic [LenWidth-1:0] row_len_q, equal_total;
  logic [CountWidth-1:0] quota_q, quota;
  logic [P-1:0] equal, keep;
  logic [P-1:0][LenWidth-1:0] equal_below;

  assign quota = row_first_q ? shown_q.keep_equal : quota_q;
  always_comb begin
    for (int unsigned i = 0; i < P; i++) begin
      equal[i] = LenWidth'(i) < row_len_q && row_keys[i] == shown_q.theta;
      keep[i] = !row_mute_q && LenWidth'(i) < row_len_q
          && (row_keys[i] > shown_q.theta
              || (equal[i] && CountWidth'(equal_below[i]) < quota));
    end
  end

  prefix_count #(
      .Lanes(P)
  ) u_equal (
      .flag_i (equal),
      .below_o(equal_below),
      .total_o(equal_total)
  );

  row_t packed_row, packed_q;
  logic [LenWidth-1:0] packed_count, packed_count_q;
  logic packed_valid_q, packed_last_q, packer_ready;
  zero_eliminator #(
      .Lanes(P),
      .Width(W + IndexWidth)
  ) u_pack (
      .keep_i (keep),
      .data_i (out_form),
      .data_o (packed_row),
      .count_o(packed_count)
  );

  assign step = !packed_valid_q || packer_ready;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      row_valid_q    <= 1'b0;
      packed_valid_q <= 1'b0;
    end else if (clear_i) begin
      row_valid_q    <= 1'b0;
      packed_valid_q <= 1'b0;
    end else if (step) begin
      row_valid_q    <= issue;
      packed_valid_q <= row_valid_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (step) begin
      row_first_q    <= filter_q == '0;
      row_last_q     <= answered;
      row_mute_q     <= mute_q;
      row_len_q      <= (left_q > CountWidth'(P)) ? LenWidth'(P) : LenWidth'(left_q);
      packed_q       <= packed_row;
      packed_count_q <= packed_count;
      packed_last_q  <= row_last_q;
      quota_q        <= (quota > CountWidth'(equal_total)) ? quota - CountWidth'(equal_total) : '0;
    end
  end

  // Stage 2: pack.
  row_t out_row;
  row_packer #(
      .Lanes(P),
      .Width(W + IndexWidth)
  ) u_packer (
      .clk_i,
      .rst_ni,
      .clear_i,
      .in_valid_i (packed_valid_q),
      .in_ready_o (packer_ready),
      .in_last_i  (packed_last_q),
      .in_count_i (packed_count_q),
      .in_data_i  (packed_q),
      .out_valid_o,
      .out_ready_i,
      .out_last_o,
      .out_count_o(out_len_o),
      .out_data_o (out_row)
  );

  always_comb begin
    for (int unsigned i = 0; i < P; i++) begin
      out_score_o[i] = out_row[i].key;
      out_idx_o[i]   = out_row[i].idx;
    end
  end

  // What is shown with the answer.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      draining_q <= 1'b0;
    end else if (clear_i) begin
      draining_q <= 1'b0;
    end else if (answered) begin
      draining_q <= 1'b1;
    end else if (out_valid_o && out_ready_i && out_last_o) begin
      draining_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (issue && filter_q == '0) begin
      shown_q         <= found_q;
      shown_q.refused <= bad_q;
    end
  end
  assign out_theta_o  = shown_q.theta ^ (shown_q.rounds == '0 ? '0 : Flip);
  assign out_rounds_o = shown_q.rounds;
  assign out_cycles_o = shown_q.cycles;
  assign out_error_o  = shown_q.refused;

  `ARCHSIM_ARMED
  `ARCHSIM_ASSERT(CountFits, 32'(n_q) <= NMax)
  `ARCHSIM_ASSERT(StepsWhenEmpty, packed_valid_q || step)
endmodule

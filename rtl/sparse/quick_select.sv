// Finds the k-th largest of n keys by partition around random pivots (SpAtten, HPCA'21, algorithm 3, with the count of
// equal keys put right: as printed it finds the (k+1)-th).
//
// Contract: start_i with 1 <= k_i <= n_i <= NMax while idle. The keys stand in rows of P in a memory outside, which
// answers row_o one cycle later on keys_i, until done_o. In the cycle of done_o, theta_o is the k-th largest key and
// keep_equal_o says how many of the keys equal to it are among the k largest. rounds_o counts pivots. clear_i aborts.
// Every pivot is the candidate number floor(x n_r / 2^16), x from a linear feedback register of 16 bits that begins
// at Seed with every start: a job's cycles depend on the job alone.
// Candidates above and below the pivot are packed into two memories of n keys. The next round reads one of them and
// writes both, in place: what is written never overtakes what is read.
// Cycles from start_i to done_o: 1 + sum over rounds of (ceil(n_r / P) + 3), n_r candidates in round r.
`include "archsim_assert.svh"

module quick_select
  import archsim_pkg::*;
#(
    parameter int unsigned NMax = 1024,
    parameter int unsigned P = 16,
    parameter int unsigned W = 12,
    parameter logic [15:0] Seed = 16'hACE1,
    localparam int unsigned CountWidth = count_width(NMax),
    localparam int unsigned Rows = (NMax + P - 1) / P,
    localparam int unsigned RowWidth = index_width(Rows)
) (
    input  logic                         clk_i,
    input  logic                         rst_ni,
    input  logic                         clear_i,
    input  logic                         start_i,
    input  logic [CountWidth-1:0]        n_i,
    input  logic [CountWidth-1:0]        k_i,
    output logic [  RowWidth-1:0]        row_o,
    input  logic [         P-1:0][W-1:0] keys_i,
    output logic                         done_o,
    output logic [         W-1:0]        theta_o,
    output logic [CountWidth-1:0]        keep_equal_o,
    output logic [CountWidth-1:0]        rounds_o
);
  localparam int unsigned LenWidth = count_width(P);
  localparam int unsigned LaneWidth = index_width(P);
  localparam int unsigned Below = 0;
  localparam int unsigned Above = 1;

  if (P == 0 || (P & (P - 1)) != 0) begin : gen_bad_p
    $error("P must be a power of two");
  end

  typedef logic [P-1:0][W-1:0] row_t;
  typedef enum logic [1:0] {
    Idle,
    Draw,
    Pick,
    Run
  } state_e;

  state_e state_q;
  logic   side_q;
  logic [CountWidth-1:0] size_q, left_q, rank_q, above_q, equal_q, rounds_q;
  logic [ 15:0] lfsr_q;
  logic [W-1:0] pivot_q;

  // The decision at the end of a round: go on above the pivot, stop at it, or go on below.
  logic first, go_up, stop;
  logic [CountWidth-1:0] reached, size;
  assign first        = rounds_q == '0;
  assign reached      = above_q + equal_q;
  assign go_up        = above_q > rank_q;
  assign stop         = !go_up && reached > rank_q;
  assign size         = first ? size_q : go_up ? above_q : size_q - reached;

  assign done_o       = state_q == Draw && !first && stop;
  assign theta_o      = pivot_q;
  assign keep_equal_o = rank_q - above_q + 1'b1;
  assign rounds_o     = rounds_q;

  // The draw of the next pivot: all bits of the register advance at once (xorshift 7, 9, 8; period 2^16 - 1).
  logic [15:0] lfsr_a, lfsr_b;
  logic [CountWidth-1:0] number, number_q;
  assign lfsr_a = lfsr_q ^ (lfsr_q << 7);
  assign lfsr_b = lfsr_a ^ (lfsr_a >> 9);
  assign number = CountWidth'(((CountWidth + 16)'(lfsr_q) * (CountWidth + 16)'(size)) >> 16);

  logic last_read;
  assign last_read = left_q <= CountWidth'(P);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= Idle;
    end else if (clear_i) begin
      state_q <= Idle;
    end else begin
      unique case (state_q)
        Idle: if (start_i) state_q <= Draw;
        Draw: state_q <= done_o ? Idle : Pick;
        Pick: state_q <= Run;
        Run:  if (left_q == '0) state_q <= Draw;
      endcase
    end
  end

  logic [RowWidth-1:0] read_q;
  always_ff @(posedge clk_i) begin
    unique case (state_q)
      Idle: begin
        size_q   <= n_i;
        rank_q   <= k_i - 1'b1;
        rounds_q <= '0;
        lfsr_q   <= Seed;
      end
      Draw: begin
        number_q <= number;
        lfsr_q   <= lfsr_b ^ (lfsr_b << 8);
        size_q   <= size;
        side_q   <= go_up;
        if (!first && !go_up) rank_q <= rank_q - reached;
      end
      Pick: begin
        left_q   <= size_q;
        read_q   <= '0;
        rounds_q <= rounds_q + 1'b1;
      end
      Run: begin
        left_q <= last_read ? '0 : left_q - CountWidth'(P);
        read_q <= read_q + 1'b1;
      end
    endcase
  end

  // Stage 1: the row that was read. In Run's first cycle it holds the pivot, then candidates to compare with it.
  logic [RowWidth-1:0] pick_row;
  logic [LaneWidth-1:0] pick_lane;
  row_t [1:0] side_row;
  row_t row;
  logic picked_q, valid_q;
  logic [LenWidth-1:0] len_q;
  logic [1:0][P-1:0] keep;
  logic [P-1:0] equal;
  logic [1:0][LenWidth-1:0] kept;

  assign pick_row  = RowWidth'(number_q / CountWidth'(P));
  assign pick_lane = LaneWidth'(number_q % CountWidth'(P));
  assign row_o     = (state_q == Pick) ? pick_row : read_q;
  assign row       = (rounds_q == CountWidth'(1'b1)) ? keys_i : side_row[side_q];

  always_ff @(posedge clk_i) begin
    picked_q <= state_q == Pick;
    valid_q  <= state_q == Run && left_q != '0;
    len_q    <= last_read ? LenWidth'(left_q) : LenWidth'(P);
    if (picked_q) pivot_q <= row[pick_lane];
  end

  always_comb begin
    for (int unsigned i = 0; i < P; i++) begin
      keep[Below][i] = LenWidth'(i) < len_q && row[i] < pivot_q;
      keep[Above][i] = LenWidth'(i) < len_q && row[i] > pivot_q;
      equal[i]       = LenWidth'(i) < len_q && row[i] == pivot_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == Pick) begin
      above_q <= '0;
      equal_q <= '0;
    end else if (valid_q) begin
      above_q <= above_q + CountWidth'(kept[Above]);
      equal_q <= equal_q + CountWidth'(unsigned'($countones(equal)));
    end
  end

  // Stage 2: the candidates on either side are packed behind the side's tail; full rows go to its memory.
  logic packed_valid_q;
  always_ff @(posedge clk_i) packed_valid_q <= valid_q;

  for (genvar s = 0; s < 2; s++) begin : gen_side
    row_t mem_q[Rows];
    row_t packed_row, packed_q, full_row, tail, tail_q, old_tail_q, read_row_q;
    logic [LenWidth-1:0] packed_count_q, tail_count, tail_count_q;
    logic [RowWidth-1:0] rows_q, old_rows_q;
    logic full;

    zero_eliminator #(
        .Lanes(P),
        .Width(W)
    ) u_pack (
        .keep_i (keep[s]),
        .data_i (row),
        .data_o (packed_row),
        .count_o(kept[s])
    );

    row_merge #(
        .Lanes(P),
        .Width(W)
    ) u_merge (
        .tail_i      (tail_q),
        .tail_count_i(tail_count_q),
        .row_i       (packed_q),
        .row_count_i (packed_count_q),
        .full_o      (full),
        .row_o       (full_row),
        .tail_o      (tail),
        .tail_count_o(tail_count)
    );

    always_ff @(posedge clk_i) begin
      packed_q       <= packed_row;
      packed_count_q <= kept[s];
      if (state_q == Pick) begin
        tail_q       <= '0;
        tail_count_q <= '0;
        rows_q       <= '0;
        old_tail_q   <= tail_q;
        old_rows_q   <= rows_q;
      end else if (packed_valid_q) begin
        tail_q       <= tail;
        tail_count_q <= tail_count;
        if (full) begin
          mem_q[rows_q] <= full_row;
          rows_q        <= rows_q + 1'b1;
        end
      end
    end

    // The last row of a side is its tail.
    always_ff @(posedge clk_i) begin
      if (state_q == Pick) read_row_q <= (pick_row == rows_q) ? tail_q : mem_q[pick_row];
      else read_row_q <= (read_q == old_rows_q) ? old_tail_q : mem_q[read_q];
    end
    assign side_row[s] = read_row_q;
  end

  `ARCHSIM_ARMED
  `ARCHSIM_ASSUME(StartsInRange, !start_i || (k_i != '0 && k_i <= n_i && 32'(n_i) <= NMax))
  `ARCHSIM_ASSERT(RankInside, state_q == Idle || rank_q < size_q)
endmodule

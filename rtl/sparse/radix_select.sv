// Finds the k-th largest of n keys digit by digit from the top, by histograms; nothing is moved.
//
// Contract: while idle, rows of up to P keys come on load_keys_i, load_len_i of them valid, when load_valid_i is set;
// then start_i with 1 <= k_i <= n_i <= NMax, n_i being the number of keys loaded. The keys stand in rows of P in a
// memory outside, which answers row_o one cycle later on keys_i, until done_o. In the cycle of done_o, theta_o is the
// k-th largest key and keep_equal_o says how many of the keys equal to it are among the k largest. rounds_o counts
// passes over the keys, the one of loading included. clear_i aborts.
// One pass decides DigitBits bits: the digit at which the count of keys from the top passes the rank. The first
// histogram is filled while the keys are loaded.
// Cycles from start_i to done_o: 1 + (ceil(W / DigitBits) - 1) x (ceil(n / P) + 2).
`include "archsim_assert.svh"

module radix_select
  import archsim_pkg::*;
#(
    parameter int unsigned NMax = 1024,
    parameter int unsigned P = 16,
    parameter int unsigned W = 12,
    parameter int unsigned DigitBits = 4,
    localparam int unsigned CountWidth = count_width(NMax),
    localparam int unsigned LenWidth = count_width(P),
    localparam int unsigned Rows = (NMax + P - 1) / P,
    localparam int unsigned RowWidth = index_width(Rows)
) (
    input  logic                         clk_i,
    input  logic                         rst_ni,
    input  logic                         clear_i,
    input  logic                         load_valid_i,
    input  logic [  LenWidth-1:0]        load_len_i,
    input  logic [         P-1:0][W-1:0] load_keys_i,
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
  localparam int unsigned Digits = (W + DigitBits - 1) / DigitBits;
  localparam int unsigned Padded = Digits * DigitBits;
  localparam int unsigned Bins = 1 << DigitBits;
  localparam int unsigned DigitWidth = index_width(Digits);

  typedef enum logic [1:0] {
    Idle,
    Decide,
    Run
  } state_e;

  state_e state_q;
  logic [CountWidth-1:0] n_q, left_q, rank_q;
  logic [DigitWidth-1:0] digit_q;
  logic [Padded-1:0] prefix_q, prefix;
  logic [RowWidth-1:0] read_q;

  // The decision: the highest digit that with all digits above it passes the rank. The histogram counts for each digit
  // the keys that have it or a higher one, so that nothing is left to add up here.
  logic [Bins-1:0][CountWidth-1:0] hist_q;
  logic [Bins:0] passes;
  logic [CountWidth-1:0] above, rank;
  logic [DigitBits-1:0] chosen;
  logic last_digit;

  always_comb begin
    passes[Bins] = 1'b0;
    for (int unsigned b = 0; b < Bins; b++) passes[b] = hist_q[b] > rank_q;
    chosen = '0;
    above  = '0;
    for (int unsigned b = 0; b < Bins; b++) begin
      if (passes[b] && !passes[b+1]) chosen |= DigitBits'(b);
      if (b > 0 && passes[b-1] && !passes[b]) above |= hist_q[b];
    end
  end
  assign rank         = rank_q - above;
  assign prefix       = (prefix_q << DigitBits) | Padded'(chosen);
  assign last_digit   = digit_q == DigitWidth'(Digits - 1);

  assign done_o       = state_q == Decide && last_digit;
  assign theta_o      = W'(prefix);
  assign keep_equal_o = rank + 1'b1;
  assign rounds_o     = CountWidth'(Digits);

  logic last_read;
  assign last_read = left_q <= CountWidth'(P);
  assign row_o     = read_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= Idle;
    end else if (clear_i) begin
      state_q <= Idle;
    end else begin
      unique case (state_q)
        Idle: if (start_i) state_q <= Decide;
        Decide: state_q <= last_digit ? Idle : Run;
        Run: if (left_q == '0) state_q <= Decide;
        default: state_q <= Idle;  // coverage off: no such state
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    unique case (state_q)
      Decide: begin
        left_q   <= n_q;
        read_q   <= '0;
        digit_q  <= digit_q + 1'b1;
        rank_q   <= rank;
        prefix_q <= prefix;
      end
      Run: begin
        left_q <= last_read ? '0 : left_q - CountWidth'(P);
        read_q <= read_q + 1'b1;
      end
      default: begin
        n_q      <= n_i;
        rank_q   <= k_i - 1'b1;
        digit_q  <= '0;
        prefix_q <= '0;
      end
    endcase
  end

  // Stage 1: the row that was read, or a row that is loaded; which lanes agree so far, and their next digits.
  logic valid_q, loaded_q;
  logic [LenWidth-1:0] len_q;
  logic [P-1:0][W-1:0] load_keys_q, keys;
  logic [Bins-1:0][LenWidth-1:0] counts;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
    end else begin
      valid_q <= !clear_i && (load_valid_i || (state_q == Run && left_q != '0));
    end
  end

  always_ff @(posedge clk_i) begin
    loaded_q    <= load_valid_i;
    load_keys_q <= load_keys_i;
    len_q       <= load_valid_i ? load_len_i : last_read ? LenWidth'(left_q) : LenWidth'(P);
  end

  assign keys = loaded_q ? load_keys_q : keys_i;

  logic [P-1:0] live;
  logic [P-1:0][DigitBits-1:0] digit;
  always_comb begin
    live  = '0;
    digit = '0;
    for (int unsigned i = 0; i < P; i++) begin
      for (int unsigned d = 0; d < Digits; d++) begin
        // Digit d is the next one: the d digits above it make up the prefix.
        if (digit_q == DigitWidth'(d)) begin
          live[i]  = LenWidth'(i) < len_q &&
                     (Padded'(keys[i]) >> ((Digits - d) * DigitBits)) == prefix_q;
          digit[i] = DigitBits'(Padded'(keys[i]) >> ((Digits - 1 - d) * DigitBits));
        end
      end
    end
  end

  assign counts[0] = LenWidth'(unsigned'($countones(live)));
  for (genvar b = 1; b < Bins; b++) begin : gen_bin
    logic [P-1:0] counted;
    for (genvar i = 0; i < P; i++) begin : gen_lane
      assign counted[i] = live[i] && digit[i] >= DigitBits'(unsigned'(b));
    end
    assign counts[b] = LenWidth'(unsigned'($countones(counted)));
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      hist_q <= '0;
    end else if (clear_i || state_q == Decide) begin
      hist_q <= '0;
    end else if (valid_q) begin
      for (int unsigned b = 0; b < Bins; b++) hist_q[b] <= hist_q[b] + CountWidth'(counts[b]);
    end
  end

  `ARCHSIM_ARMED
  `ARCHSIM_ASSUME(StartsInRange, !start_i || (k_i != '0 && k_i <= n_i && 32'(n_i) <= NMax))
  `ARCHSIM_ASSUME(LoadsWhileIdle, !load_valid_i || state_q == Idle)
  `ARCHSIM_ASSERT(RankInside, state_q != Decide || passes[0])
endmodule

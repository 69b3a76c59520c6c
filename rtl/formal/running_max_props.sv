// The control of the online softmax: no beat is lost, made up or reordered; a maximum is one of the scores seen since the
// row began, not below any of them, and valid if and only if a visible one was among them.
`include "archsim_assert.svh"

module running_max_props
  import attention_pkg::*;
#(
    parameter int unsigned Lanes = 2,
    parameter int unsigned Width = 10
) (
    input logic                        clk_i,
    input logic                        rst_ni,
    input logic                        en_i,
    input logic                        valid_i,
    input logic                        first_i,
    input logic                        last_i,
    input logic [Lanes-1:0]            visible_i,
    input logic [Lanes-1:0][Width-1:0] score_i
);
  typedef struct packed {
    logic first;
    logic last;
    logic [Lanes-1:0] visible;
    logic [Lanes-1:0][Width-1:0] score;
  } beat_t;

  logic valid, prior_valid, after_valid;
  logic [1:0] slot;
  beat_t beat, now;
  logic [Width-1:0] prior, after;

  running_max #(
      .Lanes(Lanes),
      .Width(Width)
  ) u_dut (
      .clk_i,
      .rst_ni,
      .en_i,
      .valid_i,
      .first_i,
      .last_i,
      .visible_i,
      .score_i,
      .valid_o(valid),
      .slot_o(slot),
      .first_o(beat.first),
      .last_o(beat.last),
      .visible_o(beat.visible),
      .score_o(beat.score),
      .prior_valid_o(prior_valid),
      .prior_o(prior),
      .after_valid_o(after_valid),
      .after_o(after)
  );

  // What is on its way, what each row's maximum was, and which turn comes next.
  assign now = '{first: first_i, last: last_i, visible: visible_i, score: score_i};
  logic [1:0] on_way_q, turn_q;
  beat_t [1:0] beats_q;
  logic [Lat-1:0] seen_q;
  logic [Lat-1:0][Width-1:0] row_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      on_way_q <= '0;
      turn_q   <= '0;
      seen_q   <= '0;
      row_q    <= '0;
    end else if (en_i) begin
      on_way_q <= {on_way_q[0], valid_i};
      if (valid) begin
        turn_q       <= turn_q + 1'b1;
        seen_q[slot] <= after_valid;
        row_q[slot]  <= after;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (en_i) beats_q <= {beats_q[0], now};
  end

  // Numbers in their order: the sign's bits turned over.
  function automatic logic [Width-1:0] order(logic [Width-1:0] x);
    return x[Width-1] ? ~x : {1'b1, x[Width-2:0]};
  endfunction
  function automatic logic is_nan(logic [Width-2:0] x);
    return (&x[Width-2-:8]) && x[Width-10:0] != '0;
  endfunction

  logic among;
  logic [Lanes-1:0] reached;
  always_comb begin
    among = prior_valid && after == prior;
    for (int unsigned i = 0; i < Lanes; i++) begin
      among |= beat.visible[i] && after == beat.score[i];
      reached[i] = !beat.visible[i] || is_nan((Width - 1)'(after)) ||
          (!is_nan((Width - 1)'(beat.score[i])) && order(after) >= order(beat.score[i]));
    end
  end

  `ARCHSIM_ARMED
  `ARCHSIM_ASSERT(EveryBeatInOrder, valid == on_way_q[1] && (!valid || beat == beats_q[1]))
  `ARCHSIM_ASSERT(RowsTakeTurns, !valid || slot == turn_q)
  `ARCHSIM_ASSERT(StartsAnew, !(valid && beat.first) || !prior_valid)
  `ARCHSIM_ASSERT(GoesOn, !(valid && !beat.first) || prior_valid == seen_q[slot])
  `ARCHSIM_ASSERT(SameMaximum, !(valid && prior_valid) || prior == row_q[slot])
  `ARCHSIM_ASSERT(ValidIfSeen, !valid || after_valid == (prior_valid || beat.visible != '0))
  `ARCHSIM_ASSERT(OneOfThem, !(valid && after_valid) || among)
  `ARCHSIM_ASSERT(NotBelowAny, !valid || (&reached))
  `ARCHSIM_ASSERT(NeverFalls, !(valid && prior_valid) || is_nan((Width - 1)'(after)) || (!is_nan(
                  (Width - 1)'(prior)) && order(after) >= order(prior)))
  `ARCHSIM_COVER(ThirdBeat, valid && !beat.first && prior_valid && order(after) != order(prior))

  // For induction: the rows inside are these, but for the beat that is just leaving.
  `ARCHSIM_ASSERT(FirstStage, u_dut.valid_q == on_way_q[0])
  beat_t held;
  assign held = {u_dut.first_q, u_dut.last_q, u_dut.visible_q, u_dut.score_q};
  `ARCHSIM_ASSERT(FirstBeat, !on_way_q[0] || beats_q[0] == held)
  `ARCHSIM_ASSERT(NextTurn, u_dut.slot_q == turn_q + 2'(valid))
  for (genvar s = 0; s < Lat; s++) begin : gen_row
    logic leaving;
    assign leaving = valid && 32'(slot) == s;
    `ARCHSIM_ASSERT(
        RowInside,
        (Width + 1)'(u_dut.row_q[s]) == (leaving ? {after_valid, after} : {seen_q[s], row_q[s]}))
  end
  `ARCHSIM_ASSERT(OwnValid, !on_way_q[0] || u_dut.own_q.valid == (u_dut.visible_q != '0))
  logic own_among;
  logic [Lanes-1:0] own_reached;
  always_comb begin
    own_among = 1'b0;
    for (int unsigned i = 0; i < Lanes; i++) begin
      own_among |= u_dut.visible_q[i] && u_dut.own_q.value == u_dut.score_q[i];
      own_reached[i] = !u_dut.visible_q[i] || is_nan((Width - 1)'(u_dut.own_q.value)) ||
          (!is_nan((Width - 1)'(u_dut.score_q[i])) &&
           order(u_dut.own_q.value) >= order(u_dut.score_q[i]));
    end
  end
  `ARCHSIM_ASSERT(OwnIsMaximum,
                  !(on_way_q[0] && u_dut.own_q.valid) || (own_among && (&own_reached)))
endmodule

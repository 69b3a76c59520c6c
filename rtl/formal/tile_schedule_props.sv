// tile_schedule: whatever commands come and whenever, each runs its whole program, every operation in the clock that
// the schedule gives it; nothing runs without a command, and a command waits less than an iteration.
`include "archsim_assert.svh"

module tile_schedule_props
  import attention_pkg::*;
  import archsim_pkg::*;
#(
    parameter int unsigned Keys = 2,
    parameter int unsigned Values = 2,
    parameter int unsigned Degree = 3,
    localparam int unsigned WidthIndex = $clog2(Values * Lat)
) (
    input logic      clk_i,
    input logic      rst_ni,
    input logic      en_i,
    input logic      cmd_valid_i,
    input tile_cmd_t cmd_i,
    input logic      mark_i
);
  localparam int unsigned Exp = Degree + 4;
  localparam int unsigned Steps2d = Keys + Values + Exp + 2;
  localparam int unsigned Steps1d = 2 * Values + Exp + 3;
  localparam int unsigned Steps = (Steps2d > Steps1d) ? Steps2d : Steps1d;
  localparam int unsigned Clocks = Lat * Steps;  // of an iteration
  localparam int unsigned WidthAge = count_width(2 * Clocks);

  logic take, need_q, need_k, need_v;
  logic [1:0] slot;
  instr_t pe, lane;
  tile_cmd_t pe_cmd;
  logic [WidthIndex-1:0] index;

  tile_schedule #(
      .Keys  (Keys),
      .Values(Values),
      .Degree(Degree)
  ) u_dut (
      .clk_i,
      .rst_ni,
      .en_i,
      .cmd_valid_i,
      .cmd_i,
      .cmd_take_o  (take),
      .slot_o      (slot),
      .pe_instr_o  (pe),
      .pe_cmd_o    (pe_cmd),
      .lane_instr_o(lane),
      .lane_index_o(index),
      .need_q_o    (need_q),
      .need_k_o    (need_k),
      .need_v_o    (need_v)
  );

  // Any one command at a time: how many enabled clocks ago it was taken.
  logic marked_q, marked;
  logic [WidthAge-1:0] age_q, age, since_q, wait_q;
  tile_cmd_t cmd_q, cmd;
  assign marked = marked_q || (take && mark_i);
  assign age    = marked_q ? age_q : '0;
  assign cmd    = marked_q ? cmd_q : cmd_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      marked_q <= 1'b0;
      age_q    <= '0;
      since_q  <= WidthAge'(2 * Clocks);
      wait_q   <= '0;
    end else if (en_i) begin
      marked_q <= marked && 32'(age) != 2 * Clocks - 1;
      age_q    <= age + 1'b1;
      if (take) since_q <= WidthAge'(1);
      else if (32'(since_q) != 2 * Clocks) since_q <= since_q + 1'b1;
      wait_q <= (cmd_valid_i && !take) ? wait_q + 1'b1 : '0;
    end
  end
  always_ff @(posedge clk_i) if (!marked_q) cmd_q <= cmd_i;

  // Its program. Step 0 is that in which it was taken; its exponentials in the 2D array come an iteration later.
  int unsigned at, exp_2d, run_max, scale, add;
  assign at      = 32'(age) / Lat;
  assign exp_2d  = Steps + Keys + 1;
  assign run_max = Keys;
  assign scale   = Keys + Exp + 2 + Values;
  assign add     = Steps + Keys + Exp + 1;

  function automatic logic is_exponential(op_e op, logic [2:0] k, int unsigned i);
    unique case (i)
      0: return op == OpSub;
      1: return op == OpPower;
      2: return op == OpReduceHigh;
      3: return op == OpReduceLow;
      4: return op == OpPolyFirst;
      default: return op == OpPoly && 32'(k) == Degree + 3 - i;
    endcase
  endfunction

  logic pe_right, lane_right;
  always_comb begin
    pe_right = !pe.last && pe.advance == (at == 0 || at == Steps);
    if (at < Keys) begin
      pe_right &= pe.op == OpDot && pe.first == (at == 0) && pe_cmd == cmd &&
                 need_q && need_k == (slot == '0);
    end else if (at == Keys) begin
      pe_right &= pe.op == OpLocalMax && pe_cmd == cmd;
    end else if (at >= exp_2d && at < exp_2d + Exp) begin
      pe_right &= is_exponential(pe.op, pe.k, at - exp_2d);
    end else if (at == exp_2d + Exp) begin
      pe_right &= pe.op == OpRowSum;
    end else if (at > exp_2d + Exp && at <= exp_2d + Exp + Values) begin
      pe_right &= pe.op == OpWeighted && need_v == (slot == '0);
    end
    lane_right = !lane.advance;
    if (at == run_max) begin
      lane_right &= lane.op == OpRunMax && lane.first == cmd.first;
    end else if (at > run_max && at <= run_max + Exp) begin
      lane_right &= is_exponential(lane.op, lane.k, at - run_max - 1);
    end else if (at == scale) begin
      lane_right &= lane.op == OpScaleDen && lane.first == cmd.first;
    end else if (at > scale && at <= scale + Values) begin
      lane_right &= lane.op == OpScaleNum && lane.first == cmd.first &&
                   32'(index) == (at - scale - 1) * Lat + 32'(slot);
    end else if (at == add) begin
      lane_right &= lane.op == OpAddDen;
    end else if (at > add && at <= add + Values) begin
      lane_right &= lane.op == OpAddNum && lane.last == cmd.last &&
                   32'(index) == (at - add - 1) * Lat + 32'(slot);
    end
  end

  `ARCHSIM_ARMED
  `ARCHSIM_ASSERT(ProgramOf2d, !(en_i && marked) || pe_right)
  `ARCHSIM_ASSERT(ProgramOf1d, !(en_i && marked) || lane_right)
  `ARCHSIM_ASSERT(AnIterationApart, !take || 32'(since_q) >= Clocks)
  `ARCHSIM_ASSERT(
      NothingWithoutCommand,
      !en_i || take || 32'(since_q) != 2 * Clocks || (pe.op == OpNone && lane.op == OpNone))
  `ARCHSIM_ASSERT(WaitsLessThanAnIteration, 32'(wait_q) < Clocks)

  // For induction: where the schedule stands, and where the commands of the last two iterations do.
  int unsigned place;
  logic young, old, in_place;
  assign place    = Lat * 32'(u_dut.step_q) + 32'(u_dut.slot_q);
  assign young    = u_dut.group_q[0].valid;
  assign old      = u_dut.group_q[1].valid;
  assign in_place = place == 32'(since_q) % Clocks;
  `ARCHSIM_ASSERT(AgeInRange, !marked_q || (age_q != '0 && 32'(age_q) < 2 * Clocks))
  `ARCHSIM_ASSERT(AgeIsPlace, !marked_q || (!u_dut.waiting_q && place == 32'(age_q) % Clocks))
  `ARCHSIM_ASSERT(FirstIteration,
                  !marked_q || 32'(age_q) > Clocks || (young && u_dut.group_q[0].cmd == cmd_q))
  `ARCHSIM_ASSERT(SecondIteration,
                  !marked_q || 32'(age_q) <= Clocks || (old && u_dut.group_q[1].cmd == cmd_q))
  `ARCHSIM_ASSERT(SinceInRange, since_q != '0 && 32'(since_q) <= 2 * Clocks)
  `ARCHSIM_ASSERT(LastIsYoung, !young || (32'(since_q) <= Clocks && in_place))
  `ARCHSIM_ASSERT(LastIsOld, young || !old || (32'(since_q) > Clocks && in_place))
  `ARCHSIM_ASSERT(NoneIsLongAgo, young || old || 32'(since_q) > Clocks)
  `ARCHSIM_ASSERT(WaitIsPlace, 32'(wait_q) < ((place == 0) ? Clocks : place))
endmodule

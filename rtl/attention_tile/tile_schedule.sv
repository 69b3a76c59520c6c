// What both arrays of the attention tile do in each step: a static schedule of Steps steps, repeated.
//
// A step is Lat clocks, one for each of the Lat tiles that take turns. In its iteration k the 2D array makes the scores
// and local maxima of group k of tiles and then the exponentials, row sums and weighted sums of group k - 1, so that the
// 1D array has an iteration's time to make the running maxima (FuseMax's interleaving, MICRO'24 Figure 5):
//
//   2D array   E OpDot (k) | OpLocalMax (k) | Exp = Degree + 4 steps of exponential (k-1) | OpRowSum | F OpWeighted
//   1D array   from step E on, Rows steps later: OpRunMax (k) | Exp steps (k) | OpAddDen (k-1) | F OpAddNum (k-1)
//              | OpScaleDen (k) | F OpScaleNum (k)
//
// The column's maxima, row sums and weighted sums reach the bottom exactly in the steps in which the 1D array takes
// them: nothing is stored on the way. Steps = max(E + F + Exp + 2, 2F + Exp + 3), the larger of the two arrays' work.
//
// Contract: a command is taken at the first clock of an iteration. Without one the iteration runs with an empty group
// as long as work is left, and otherwise waits in quanta of Lat clocks. need_*_o say which operand this clock takes.
// Cycles: a command every Lat*Steps enabled clocks.
`include "archsim_assert.svh"

module tile_schedule
  import attention_pkg::*;
  import archsim_pkg::*;
#(
    parameter int unsigned Keys = 8,  // E
    parameter int unsigned Values = 8,  // F
    parameter int unsigned Degree = 3,
    localparam int unsigned WidthIndex = $clog2(Values * Lat)
) (
    input logic clk_i,
    input logic rst_ni,
    input logic en_i,
    input logic cmd_valid_i,
    input tile_cmd_t cmd_i,
    output logic cmd_take_o,
    output logic [1:0] slot_o,
    output instr_t pe_instr_o,
    output tile_cmd_t pe_cmd_o,  // of the group whose scores are being made
    output instr_t lane_instr_o,  // Rows steps early
    output logic [WidthIndex-1:0] lane_index_o,
    output logic need_q_o,
    output logic need_k_o,
    output logic need_v_o
);
  localparam int unsigned Exp = Degree + 4;
  localparam int unsigned Steps2d = Keys + Values + Exp + 2;
  localparam int unsigned Steps1d = 2 * Values + Exp + 3;
  localparam int unsigned Steps = (Steps2d > Steps1d) ? Steps2d : Steps1d;
  localparam int unsigned WidthStep = index_width(Steps);

  typedef struct packed {
    logic valid;
    tile_cmd_t cmd;
  } group_t;

  logic [1:0] slot_q;
  logic [WidthStep-1:0] step_q;
  logic waiting_q;
  logic boundary, active;
  group_t [2:0] group, group_q;  // k, k - 1, k - 2

  assign boundary = slot_q == '0 && step_q == '0;
  assign active   = boundary ? (cmd_valid_i || group_q[0].valid || group_q[1].valid) : !waiting_q;
  assign group    = boundary ? {group_q[1], group_q[0], {cmd_valid_i, cmd_i}} : group_q;
  assign cmd_take_o = boundary && cmd_valid_i && en_i;
  assign slot_o = slot_q;
  assign pe_cmd_o = group[0].cmd;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      slot_q    <= '0;
      step_q    <= '0;
      waiting_q <= 1'b0;
      group_q   <= '0;
    end else if (en_i) begin
      slot_q <= slot_q + 1'b1;
      if (boundary) begin
        waiting_q <= !active;
        if (active) group_q <= group;
      end
      if (active && 32'(slot_q) == Lat - 1)
        step_q <= (32'(step_q) == Steps - 1) ? '0 : step_q + 1'b1;
    end
  end

  // The exponential's operation number i, 0 the subtraction.
  function automatic instr_t exponential(int unsigned i);
    instr_t instr = '{op: OpPoly, k: '0, first: 1'b0, last: 1'b0, advance: 1'b0};
    unique case (i)
      0: instr.op = OpSub;
      1: instr.op = OpPower;
      2: instr.op = OpReduceHigh;
      3: instr.op = OpReduceLow;
      4: instr.op = OpPolyFirst;
      default: instr.k = 3'(Exp - 1 - i);
    endcase
    return instr;
  endfunction

  always_comb begin : pe_program
    automatic int unsigned s = 32'(step_q);
    pe_instr_o = '0;
    if (active) begin
      if (s < Keys) begin
        if (group[0].valid) pe_instr_o.op = OpDot;
      end else if (s == Keys) begin
        if (group[0].valid) pe_instr_o.op = OpLocalMax;
      end else if (group[1].valid) begin
        if (s < Keys + 1 + Exp) pe_instr_o = exponential(s - Keys - 1);
        else if (s == Keys + 1 + Exp) pe_instr_o.op = OpRowSum;
        else if (s < Steps2d) pe_instr_o.op = OpWeighted;
      end
      pe_instr_o.first   = s == 0;
      pe_instr_o.advance = s == 0;
    end
  end

  group_t now, earlier;  // of the 1D array
  int unsigned place;
  always_comb begin : lane_program
    automatic int unsigned s = 32'(step_q);
    place = (s >= Keys) ? s - Keys : s + Steps - Keys;
    {earlier, now} = (s >= Keys) ? group[1:0] : group[2:1];
    lane_instr_o = '0;
    lane_index_o = '0;
    if (active) begin
      if (place == 0) begin
        if (now.valid) lane_instr_o.op = OpRunMax;
      end else if (place <= Exp) begin
        if (now.valid) lane_instr_o = exponential(place - 1);
      end else if (place == Exp + 1) begin
        if (earlier.valid) lane_instr_o.op = OpAddDen;
      end else if (place < Exp + 2 + Values) begin
        if (earlier.valid) lane_instr_o.op = OpAddNum;
        lane_index_o = WidthIndex'((place - Exp - 2) * Lat) | WidthIndex'(slot_q);
      end else if (place == Exp + 2 + Values) begin
        if (now.valid) lane_instr_o.op = OpScaleDen;
      end else if (place < Steps1d) begin
        if (now.valid) lane_instr_o.op = OpScaleNum;
        lane_index_o = WidthIndex'((place - Exp - 3 - Values) * Lat) | WidthIndex'(slot_q);
      end
      lane_instr_o.first = now.cmd.first;
      lane_instr_o.last  = earlier.cmd.last;
    end
  end

  assign need_q_o = pe_instr_o.op == OpDot;
  assign need_k_o = pe_instr_o.op == OpDot && slot_q == '0;
  assign need_v_o = pe_instr_o.op == OpWeighted && slot_q == '0;

  `ARCHSIM_ARMED
  `ARCHSIM_ASSERT(StepInRange, 32'(step_q) < Steps)
  `ARCHSIM_ASSERT(WaitsAtBoundaryOnly, !waiting_q || step_q == '0)
  `ARCHSIM_ASSERT(NothingLostWaiting,
                  !waiting_q || slot_q == '0 || !(group_q[0].valid || group_q[1].valid))
endmodule

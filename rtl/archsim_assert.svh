// Assertions written once: checked by the simulator, proved by yosys, left out of synthesis.
//
// `ARCHSIM_ARMED declares `armed`: true from the second clock edge after a reset until the next. Until then registers hold
// anything, and an assertion would speak of nothing. Every module with assertions has it once.
//
// All of them use clk_i and rst_ni of the module. Expr is sampled at the rising edge of the clock.
`ifndef ARCHSIM_ASSERT_SVH
`define ARCHSIM_ASSERT_SVH

`ifdef SYNTHESIS
`define ARCHSIM_ARMED
`define ARCHSIM_ASSERT(Name, Expr)
`define ARCHSIM_ASSUME(Name, Expr)
`define ARCHSIM_COVER(Name, Expr)
`else
`define ARCHSIM_ARMED \
  logic reset_seen_q, armed; \
  initial {reset_seen_q, armed} = 2'b00; \
  always @(posedge clk_i or negedge rst_ni) \
    if (!rst_ni) {reset_seen_q, armed} <= 2'b10; \
    else {reset_seen_q, armed} <= {reset_seen_q, reset_seen_q};

`define ARCHSIM_ASSERT(Name, Expr) \
  always_ff @(posedge clk_i) if (armed) Name : assert (Expr);

// A promise of the environment: checked in simulation, taken for granted in a proof.
`ifdef FORMAL
`define ARCHSIM_ASSUME(Name, Expr) \
  always_ff @(posedge clk_i) if (armed) Name : assume (Expr);
`else
`define ARCHSIM_ASSUME(Name, Expr) `ARCHSIM_ASSERT(Name, Expr)
`endif

`define ARCHSIM_COVER(Name, Expr) \
  always_ff @(posedge clk_i) if (armed) Name : cover (Expr);
`endif

`endif

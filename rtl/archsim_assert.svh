// Assertions written once: checked by the simulator, proved by yosys, left out of synthesis.
//
// `ARCHSIM_ARMED declares `armed`: true from the second clock edge after a reset until the next. Until then registers hold
// anything, and an assertion would speak of nothing. Every module with assertions has it once.
//
// All of them use clk_i and rst_ni of the module. Expr is sampled at the rising edge of the clock.
// FORMAL is asked first: yosys' slang defines SYNTHESIS for proofs as well.
`ifndef ARCHSIM_ASSERT_SVH
`define ARCHSIM_ASSERT_SVH

`ifdef FORMAL

// A proof has one reset, in its first cycle: what holds after it, holds for good.
`define ARCHSIM_ARMED \
  logic armed; \
  initial armed = 1'b0; \
  always_ff @(posedge clk_i) armed <= 1'b1; \
  always_ff @(posedge clk_i) ResetFirst : assume (rst_ni == armed);
`define ARCHSIM_ASSERT(Name, Expr) \
  always_ff @(posedge clk_i) if (armed) Name : assert (Expr);
// A promise of the environment: taken for granted in a proof, checked in simulation.
`define ARCHSIM_ASSUME(Name, Expr) \
  always_ff @(posedge clk_i) if (armed) Name : assume (Expr);
`define ARCHSIM_COVER(Name, Expr) \
  always_ff @(posedge clk_i) if (armed) Name : cover (Expr);

`elsif SYNTHESIS

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
`define ARCHSIM_ASSUME(Name, Expr) `ARCHSIM_ASSERT(Name, Expr)
`define ARCHSIM_COVER(Name, Expr) \
  always_ff @(posedge clk_i) if (armed) Name : cover (Expr);

`endif

`endif

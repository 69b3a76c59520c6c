// Division y = a / b of float32 numbers, by the restoring recurrence, one quotient bit a stage.
//
// Contract: y_o is a/b rounded once to ManY bits of significand (8: bfloat16, 24: float32), to nearest, ties to even.
// Subnormal operands and results are zero. x/0 is infinite, 0/0, inf/inf and NaN give a NaN with only the top bit of the
// significand set.
// Cycles: one operation at every enabled clock, Latency ManY + 4: operands | ManY + 2 bits | round.
module fp_div #(
    parameter  int unsigned ManY   = 8,
    localparam int unsigned WidthY = ManY + 8
) (
    input  logic              clk_i,
    input  logic              en_i,
    input  logic [      31:0] a_i,
    input  logic [      31:0] b_i,
    output logic [WidthY-1:0] y_o
);
  // The quotient of significands lies in (1/2, 2): ManY + 2 bits hold ManY bits and a guard bit in both cases.
  localparam int unsigned Bits = ManY + 2;

  typedef struct packed {
    logic sign;
    logic nan;
    logic infinite;
    logic zero;
    logic signed [9:0] exponent;
    logic [23:0] divisor;
    logic [24:0] rest;
    logic [Bits-1:0] quotient;
  } stage_t;

  logic a_zero, b_zero, a_inf, b_inf, a_nan, b_nan;
  stage_t stage_q[Bits+1];

  assign a_zero = a_i[30:23] == '0;
  assign b_zero = b_i[30:23] == '0;
  assign a_inf  = a_i[30:0] == 31'h7f80_0000;
  assign b_inf  = b_i[30:0] == 31'h7f80_0000;
  assign a_nan  = (&a_i[30:23]) && a_i[22:0] != '0;
  assign b_nan  = (&b_i[30:23]) && b_i[22:0] != '0;

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      stage_q[0] <= '{
          sign: a_i[31] ^ b_i[31],
          nan: a_nan || b_nan || (a_zero && b_zero) || (a_inf && b_inf),
          infinite : a_inf || b_zero,
          zero: a_zero || b_inf,
          exponent: $signed({2'b0, a_i[30:23]}) - $signed({2'b0, b_i[30:23]}) + 10'sd127,
          divisor: {1'b1, b_i[22:0]},
          rest: {2'b01, a_i[22:0]},
          quotient: '0
      };
    end
  end

  for (genvar i = 0; i < Bits; i++) begin : gen_bit
    logic borrow, unused_top, fits;
    logic [23:0] difference;
    assign {borrow, unused_top, difference} = {1'b0, stage_q[i].rest} - {2'b0, stage_q[i].divisor};
    assign fits = !borrow;
    always_ff @(posedge clk_i) begin
      if (en_i) begin
        stage_q[i+1] <= stage_q[i];
        stage_q[i+1].quotient <= {stage_q[i].quotient[Bits-2:0], fits};
        stage_q[i+1].rest <= fits ? {difference, 1'b0} : {stage_q[i].rest[23:0], 1'b0};
      end
    end
  end

  stage_t last;
  logic [Bits-1:0] normal;
  logic sticky, guard;
  logic [ManY:0] rounded;
  logic signed [9:0] exponent;

  logic unused_divisor;
  assign unused_divisor = ^last.divisor;
  assign last = stage_q[Bits];
  assign normal = last.quotient[Bits-1] ? last.quotient : last.quotient << 1;
  assign guard = normal[1];
  assign sticky = normal[0] || last.rest != '0;
  assign rounded = {1'b0, normal[Bits-1:2]} + (ManY + 1)'(guard && (sticky || normal[2]));
  assign exponent = last.exponent - $signed(
      {9'b0, !last.quotient[Bits-1]}
  ) + $signed(
      {9'b0, rounded[ManY]}
  );

  always_ff @(posedge clk_i) begin
    if (en_i) begin
      if (last.nan) y_o <= {1'b0, 8'hff, 1'b1, (ManY - 2)'(0)};
      else if (last.infinite) y_o <= {last.sign, 8'hff, (ManY - 1)'(0)};
      else if (last.zero || exponent <= 10'sd0) y_o <= {last.sign, (WidthY - 1)'(0)};
      else if (exponent >= 10'sd255) y_o <= {last.sign, 8'hff, (ManY - 1)'(0)};
      else y_o <= {last.sign, exponent[7:0], rounded[ManY-2:0]};
    end
  end
endmodule

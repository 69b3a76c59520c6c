// Delays a word by Depth enabled clocks; a depth of 0 is a wire.
//
// Contract: q_o is what d_i was Depth enabled clocks ago. No reset: what comes out before is not defined.
// Cycles: Depth.
module skew_line #(
    parameter int unsigned Width = 8,
    parameter int unsigned Depth = 1
) (
    input  logic             clk_i,
    input  logic             en_i,
    input  logic [Width-1:0] d_i,
    output logic [Width-1:0] q_o
);
  if (Depth == 0) begin : gen_wire
    logic unused;
    assign unused = clk_i ^ en_i;
    assign q_o = d_i;
  end else begin : gen_line
    logic [Width-1:0] line_q[Depth];
    always_ff @(posedge clk_i) begin
      if (en_i) begin
        line_q[0] <= d_i;
        for (int unsigned i = 1; i < Depth; i++) line_q[i] <= line_q[i-1];
      end
    end
    assign q_o = line_q[Depth-1];
  end
endmodule

// slot_ring: at its turn each tile finds the word that it wrote last, whatever the others wrote.
`include "archsim_assert.svh"

module slot_ring_props
  import attention_pkg::*;
#(
    parameter int unsigned Width = 4
) (
    input logic             clk_i,
    input logic             rst_ni,
    input logic             en_i,
    input logic             write_i,
    input logic [Width-1:0] d_i
);
  logic [Width-1:0] q;
  logic [1:0] slot_q;
  logic [Lat-1:0] known_q;
  logic [Lat-1:0][Width-1:0] word_q;

  slot_ring #(
      .Width(Width)
  ) u_dut (
      .clk_i,
      .en_i,
      .write_i,
      .d_i,
      .q_o(q)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      slot_q  <= '0;
      known_q <= '0;
    end else if (en_i) begin
      slot_q <= slot_q + 1'b1;
      if (write_i) known_q[slot_q] <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (en_i && write_i) word_q[slot_q] <= d_i;
  end

  `ARCHSIM_ARMED
  `ARCHSIM_ASSERT(FindsItsWord, !known_q[slot_q] || q == word_q[slot_q])
  // For induction: place i holds the word of the tile whose turn comes Lat - 1 - i turns from now.
  for (genvar i = 0; i < Lat; i++) begin : gen_place
    logic [1:0] tile;
    assign tile = slot_q + 2'(Lat - 1 - i);
    `ARCHSIM_ASSERT(Stands, !known_q[tile] || u_dut.ring_q[i] == word_q[tile])
  end
  `ARCHSIM_COVER(AllKnown, &known_q)
endmodule

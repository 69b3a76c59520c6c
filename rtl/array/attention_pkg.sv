// Operations of the 2D array's processing elements and of the 1D array's lanes.
//
// Everything is done for Lat independent tiles in turn, one a clock: Lat is the latency of the multiply-accumulate, so
// that the result of a tile's operation is there when its turn comes again. A step is Lat clocks, one operation for
// each of the Lat tiles.
package attention_pkg;

  localparam int unsigned Lat = 4;

  typedef enum logic [3:0] {
    OpNone,
    // 2D array
    OpDot,  // score += left * top, top goes on down
    OpLocalMax,  // max(top, score) goes on down; left: the first column that the mask shows
    OpRowSum,  // p + top goes on down
    OpWeighted,  // left * p + top goes on down
    // Both: p = exp(x - m), one operation after another
    OpSub,
    OpPower,
    OpReduceHigh,
    OpReduceLow,
    OpPolyFirst,
    OpPoly,
    // 1D array
    OpRunMax,  // m = max(m, bottom of the column)
    OpAddDen,  // den = den + bottom of the column
    OpAddNum,  // num[f] = num[f] + bottom of the column
    OpScaleDen,  // den = den * p
    OpScaleNum  // num[f] = num[f] * p
  } op_e;

  typedef struct packed {
    op_e op;
    logic [2:0] k;  // OpPoly: the coefficient that is added
    logic first;  // OpDot: of a dot product; 1D array: of a block of queries
    logic last;  // 1D array: the last tile of a block of queries
    logic advance;  // 2D array: the scores just finished become those that are worked on
  } instr_t;

  // What travels down a column. `valid` says whether a maximum has seen anything.
  typedef struct packed {
    logic valid;
    logic [31:0] data;
  } column_t;

  // What the tile is told about the Lat tiles of scores that it does in turn.
  typedef struct packed {
    logic first;  // no earlier keys for these queries: start anew
    logic last;  // no later keys: put out the result
    logic causal;  // hide a key from queries before it
    logic [7:0] rows;  // keys in the tile; the rest is hidden
    logic [15:0] base;  // causal: the first key's position less the first query's position (signed)
  } tile_cmd_t;

endpackage

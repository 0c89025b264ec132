// Comparisons of ECP5 by one carry chain: the sign of a difference that has a bit more than its operands.
//
// Of two ways round yosys' own choice is left to chance, and one of them looks behind the chain whether all
// bits of the difference are zero. Comparisons with constants stay: some need no chain at all.

(* techmap_celltype = "$lt $le $gt $ge" *)
module comparison (A, B, Y);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  parameter _TECHMAP_CELLTYPE_ = "";
  parameter _TECHMAP_CONSTMSK_A_ = 0;
  parameter _TECHMAP_CONSTMSK_B_ = 0;

  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  output [Y_WIDTH-1:0] Y;

  wire _TECHMAP_FAIL_ = &_TECHMAP_CONSTMSK_A_ || &_TECHMAP_CONSTMSK_B_;

  // Whether B is less than A decides, else whether A is less than B; and whether the answer is the other one.
  localparam exchanged = _TECHMAP_CELLTYPE_ == "$gt" || _TECHMAP_CELLTYPE_ == "$le";
  localparam inverted = _TECHMAP_CELLTYPE_ == "$ge" || _TECHMAP_CELLTYPE_ == "$le";
  localparam is_signed = A_SIGNED && B_SIGNED;
  localparam width = (A_WIDTH > B_WIDTH ? A_WIDTH : B_WIDTH) + 1;

  wire [width-1:0] a = {{(width - A_WIDTH){is_signed && A[A_WIDTH-1]}}, A};
  wire [width-1:0] b = {{(width - B_WIDTH){is_signed && B[B_WIDTH-1]}}, B};
  wire [width-1:0] difference = exchanged ? b - a : a - b;

  assign Y = difference[width-1] ^ inverted;
endmodule

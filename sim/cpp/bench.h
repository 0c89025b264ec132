// A network's bench around its Verilated netlist: the phases, stalls, checks and messages of
// bench_control.vhd, axis_source.vhd, axis_sink.vhd and stream_monitor.vhd, to the cycle.

#pragma once

#include <cstdint>
#include <vector>

namespace millrace {

// A port of the model: where Verilator keeps it, and its width.
struct Signal {
  void* storage;
  int bits;
};

enum class Role { input, output, inside };

struct Stream {
  const char* name;     // in the messages
  const char* vectors;  // file of the expected beats; what an input sends
  Role role;
  bool is_signed;
  int bits, lanes;             // of a beat
  int width, channels, beats;  // of a frame; lanes divides channels
  int seed;                    // of the stalls
  Signal ready, valid, last, data;  // last: of a stream inside, none
};

struct Plan {
  int timed_frames, stalled_frames;
  long reset_beats;  // of the first stream, which must be an input
  int input_stall_percent, output_stall_percent, longest_stall;
  long idle_limit;
};

struct Model {
  std::uint8_t *clock, *resetn;
  void (*evaluate)();
  void (*record)(std::uint64_t half_cycle);  // a waveform's next sample
};

// Run all phases; messages go to the standard output. Returns the exit status.
int run(const Plan& plan, const Model& model, const std::vector<Stream>& streams);

}  // namespace millrace

#include "bench.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>

namespace millrace {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ports are copied as bytes");

using Word = std::uint32_t;

// Where a lane starts and ends in the words of a beat, lowest bits first.
std::int64_t lane_of(const Word* beat, int lane, int bits, bool is_signed) {
  std::uint64_t value = 0;
  for (int bit = 0; bit < bits; ++bit) {
    const int place = lane * bits + bit;
    value |= static_cast<std::uint64_t>(beat[place / 32] >> (place % 32) & 1) << bit;
  }
  if (is_signed && (value >> (bits - 1) & 1) != 0 && bits < 64) value |= ~std::uint64_t{0} << bits;
  return static_cast<std::int64_t>(value);
}

Word digit_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  throw std::runtime_error("vectors must be lower-case hexadecimal");
}

// The beats of a vector file, one after another.
std::vector<Word> read_vectors(const char* path, std::size_t words) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(std::string("cannot read ") + path);
  std::vector<Word> beats;
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = beats.size();
    beats.resize(first + words, 0);
    for (std::size_t place = 0; place < line.size(); ++place) {
      beats[first + place / 8] |= digit_value(line[line.size() - 1 - place]) << (4 * (place % 8));
    }
  }
  return beats;
}

// stall_pkg.vhd, with the generator of ieee.math_real.
class Stalls {
 public:
  void seed(std::int64_t number) {
    seed_1 = 1 + number % 2147483562;
    seed_2 = 1 + number / 7 % 2147483398;
    for (int i = 0; i < 8; ++i) uniform();
  }

  int draw(int percent, int rarity, int longest) {
    const double chance = uniform(), length = uniform();
    if (percent == 0) return 0;
    if (chance * rarity < 1.0) return 1 + static_cast<int>(std::floor(length * longest));
    if (chance * 100.0 < percent) return 1 + static_cast<int>(std::floor(length * shortest));
    return 0;
  }

 private:
  static constexpr int shortest = 4;
  std::int64_t seed_1 = 1, seed_2 = 1;

  // P. L'Ecuyer, "Efficient and portable combined random number generators", CACM 31 (1988).
  double uniform() {
    seed_1 = 40014 * seed_1 % 2147483563;
    seed_2 = 40692 * seed_2 % 2147483399;
    std::int64_t difference = seed_1 - seed_2;
    if (difference < 1) difference += 2147483562;
    return static_cast<double>(difference) * 4.656613e-10;
  }
};

class Monitor {
 public:
  explicit Monitor(const Stream& stream)
      : stream(stream),
        words((stream.data.bits + 31) / 32),
        seen(words),
        held_data(words),
        expected(read_vectors(stream.vectors, words)) {}

  const Stream& stream;
  long passed = 0, checked = 0;  // beats, in this phase and in all

  bool ready() const { return bit(stream.ready); }
  bool valid() const { return bit(stream.valid); }
  bool moves() const { return ready() && valid(); }
  void set(const Signal& signal, bool on) { *static_cast<std::uint8_t*>(signal.storage) = on; }

  void start(int phase) {
    passed = sent = 0;
    stall = 0;
    is_held = false;
    stalls.seed(static_cast<std::int64_t>(stream.seed) + phase);
    if (stream.role == Role::input) stop_sending();
    if (stream.role == Role::output) set(stream.ready, true);
  }

  // What the port does after a clock edge at which a beat `moved` or not.
  void drive(bool moved, bool first, int percent, int longest, long beats) {
    if (stream.role == Role::output) {
      if (stall > 0) --stall;
      else if (moved) stall = stalls.draw(percent, stream.beats, longest);
      set(stream.ready, stall == 0);
      return;
    }
    if (valid() && !moved) return;  // it waits for ready
    if (sent == beats) return stop_sending();
    if (moved || first) stall = stalls.draw(percent, stream.beats, longest);
    else if (stall > 0) --stall;
    if (stall > 0) return stop_sending();
    set(stream.valid, true);
    set(stream.last, sent % stream.beats == stream.beats - 1);
    write(&expected[sent * words]);
    ++sent;
  }

  void read_data() {
    seen.back() = 0;
    std::memcpy(seen.data(), stream.data.storage, bytes());
  }

  bool last() const { return stream.role == Role::inside || bit(stream.last); }
  bool data_stayed() const { return seen == held_data && last() == held_last; }
  bool held() const { return is_held; }
  void hold(bool now) {
    is_held = now;
    if (!now) return;
    held_data = seen;
    held_last = last();
  }

  // The first lane of the beat that is not as expected, -1 if there is none.
  int wrong_lane() const {
    const Word* wanted = &expected[passed * words];
    if (std::memcmp(seen.data(), wanted, words * sizeof(Word)) == 0) return -1;
    for (int lane = 0; lane < stream.lanes; ++lane) {
      if (lane_value(wanted, lane) != lane_value(seen.data(), lane)) return lane;
    }
    return -1;
  }
  std::int64_t expected_lane(int lane) const { return lane_value(&expected[passed * words], lane); }
  std::int64_t seen_lane(int lane) const { return lane_value(seen.data(), lane); }

  bool has(long beats) const { return expected.size() >= static_cast<std::size_t>(beats) * words; }

 private:
  const std::size_t words;  // of a beat
  std::vector<Word> seen, held_data;
  const std::vector<Word> expected;
  Stalls stalls;
  bool is_held = false, held_last = false;
  int stall = 0;
  long sent = 0;

  static bool bit(const Signal& signal) { return *static_cast<std::uint8_t*>(signal.storage) != 0; }

  std::int64_t lane_value(const Word* beat, int lane) const {
    return lane_of(beat, lane, stream.bits, stream.is_signed);
  }

  // Verilator keeps up to 8, 16, 32 and 64 bits in one number, more in an array of words.
  std::size_t bytes() const {
    const int bits = stream.data.bits;
    return bits <= 8 ? 1 : bits <= 16 ? 2 : words * sizeof(Word);
  }

  void write(const Word* beat) { std::memcpy(stream.data.storage, beat, bytes()); }

  // Without valid the other signals have no meaning: data that the core must not look at.
  void stop_sending() {
    if (stream.role != Role::input) return;
    if (valid()) {
      read_data();
      for (Word& word : seen) word = ~word;
      const int rest = stream.data.bits % 32;
      if (rest != 0) seen.back() &= (Word{1} << rest) - 1;
      write(seen.data());
    }
    set(stream.valid, false);
    set(stream.last, false);
  }
};

class Bench {
 public:
  Bench(const Plan& plan, const Model& model, const std::vector<Stream>& streams)
      : plan(plan), model(model) {
    monitors.reserve(streams.size());
    for (const Stream& stream : streams) monitors.emplace_back(stream);
    moved.resize(streams.size());
    const int most = plan.timed_frames > plan.stalled_frames ? plan.timed_frames : plan.stalled_frames;
    for (const Monitor& monitor : monitors) {
      if (!monitor.has(static_cast<long>(most) * monitor.stream.beats)) {
        throw std::runtime_error(std::string("too few beats in ") + monitor.stream.vectors);
      }
    }
  }

  // Whether all is right.
  bool run() {
    if (plan.timed_frames > 0) {
      start(1, plan.timed_frames, false);
      if (!run_frames()) return false;
    }
    if (plan.reset_beats > 0) {
      start(2, plan.stalled_frames, true);
      while (monitors.front().passed < plan.reset_beats) {
        if (!step()) return false;
      }
    }
    if (plan.stalled_frames > 0) {
      start(3, plan.stalled_frames, true);
      if (!run_frames()) return false;
    }
    return true;
  }

  void print_totals() const {
    for (const Monitor& monitor : monitors) {
      std::printf("checked: %s: %ld beats\n", monitor.stream.name, monitor.checked);
    }
  }

 private:
  const Plan plan;
  const Model model;
  std::vector<Monitor> monitors;
  std::vector<char> moved;
  int phase = 0, frames = 0;
  std::size_t finished = 0;  // streams
  bool stalled = false, failed = false;
  long cycle = 0, idle = 0;
  std::uint64_t half_cycle = 0;
  std::vector<long> first_cycle;

  void evaluate(bool clock) {
    *model.clock = clock;
    model.evaluate();
    model.record(half_cycle++);
  }

  void drive(bool first) {
    for (std::size_t i = 0; i < monitors.size(); ++i) {
      const Role role = monitors[i].stream.role;
      if (role == Role::inside) continue;
      const int percent = role == Role::input ? plan.input_stall_percent : plan.output_stall_percent;
      const long beats = static_cast<long>(frames) * monitors[i].stream.beats;
      monitors[i].drive(moved[i] != 0, first, stalled ? percent : 0, plan.longest_stall, beats);
    }
  }

  void start(int new_phase, int new_frames, bool new_stalled) {
    constexpr int reset_cycles = 4;
    phase = new_phase;
    frames = new_frames;
    stalled = new_stalled;
    finished = 0;
    cycle = idle = 0;
    first_cycle.assign(monitors.size(), 0);
    moved.assign(monitors.size(), 0);
    *model.resetn = 0;
    for (Monitor& monitor : monitors) monitor.start(phase);
    for (int i = 0; i < reset_cycles; ++i) {
      evaluate(false);
      evaluate(true);
    }
    *model.resetn = 1;
    drive(true);
    evaluate(false);
  }

  // One clock cycle; false if it brought a fault, or nothing moves any more.
  bool step() {
    ++idle;
    for (std::size_t i = 0; i < monitors.size(); ++i) {
      moved[i] = monitors[i].moves();
      check(i);
    }
    evaluate(true);
    ++cycle;
    drive(false);
    evaluate(false);
    if (failed) return false;
    if (idle <= plan.idle_limit || finished == monitors.size()) return true;
    for (const Monitor& monitor : monitors) {
      std::printf("state: %s: valid %d, ready %d, frame %ld, beat %ld of %d\n", monitor.stream.name,
                  monitor.valid(), monitor.ready(), monitor.passed / monitor.stream.beats,
                  monitor.passed % monitor.stream.beats, monitor.stream.beats);
    }
    std::printf("hang: phase %d, nothing moved for %ld cycles\n", phase, plan.idle_limit);
    return false;
  }

  bool run_frames() {
    constexpr int quiet_cycles = 64;
    while (finished < monitors.size()) {
      if (!step()) return false;
    }
    for (int i = 0; i < quiet_cycles; ++i) {
      if (!step()) return false;
    }
    return true;
  }

  void complain(const char* what, const Monitor& monitor, const std::string& detail) {
    std::printf("%s: %s: phase %d, cycle %ld, frame %ld%s\n", what, monitor.stream.name, phase, cycle,
                monitor.passed / monitor.stream.beats, detail.c_str());
    failed = true;
  }

  void check(std::size_t index) {
    Monitor& monitor = monitors[index];
    const bool valid = monitor.valid();
    if (monitor.held() && !valid) {
      complain("protocol", monitor, ": valid must stay high until ready");
    }
    if (!valid) return monitor.hold(false);
    monitor.read_data();
    if (monitor.held() && !monitor.data_stayed()) {
      complain("protocol", monitor, ": data and last must stay until ready");
    }
    monitor.hold(moved[index] == 0);
    if (moved[index] != 0) check_beat(monitor, first_cycle[index]);
  }

  void check_beat(Monitor& monitor, long& first) {
    const Stream& stream = monitor.stream;
    idle = 0;
    if (monitor.passed == static_cast<long>(frames) * stream.beats) {
      return complain("protocol", monitor, ": there must be no beat after the last frame");
    }
    check_data(monitor);
    const long beat = monitor.passed % stream.beats;
    const bool is_last = beat == stream.beats - 1;
    if (stream.role != Role::inside && monitor.last() != is_last) {
      complain("protocol", monitor,
               ", beat " + std::to_string(beat) + ": last must be high at the last beat only");
    }
    if (beat == 0) first = cycle;
    const long frame = monitor.passed / stream.beats;
    ++monitor.checked;
    ++monitor.passed;
    if (!is_last) return;
    if (!stalled) {
      std::printf("timing: %s: frame %ld, first beat at cycle %ld, last at %ld\n", stream.name, frame,
                  first, cycle);
    }
    if (frame + 1 == frames) ++finished;
  }

  void check_data(const Monitor& monitor) {
    const int lane = monitor.wrong_lane();
    if (lane < 0) return;
    const Stream& stream = monitor.stream;
    const int folds = stream.channels / stream.lanes;
    const long beat = monitor.passed % stream.beats, pixel = beat / folds;
    complain("mismatch", monitor,
             ", y " + std::to_string(pixel / stream.width) + ", x " +
                 std::to_string(pixel % stream.width) + ", channel " +
                 std::to_string(beat % folds * stream.lanes + lane) + ": expected " +
                 std::to_string(monitor.expected_lane(lane)) + ", got " +
                 std::to_string(monitor.seen_lane(lane)));
  }
};

}  // namespace

int run(const Plan& plan, const Model& model, const std::vector<Stream>& streams) {
  try {
    Bench bench(plan, model, streams);
    const bool passed = bench.run();
    bench.print_totals();
    std::puts(passed ? "passed" : "failed");
    return 0;
  } catch (const std::exception& fault) {
    std::printf("error: %s\n", fault.what());
    return 1;
  }
}

}  // namespace millrace

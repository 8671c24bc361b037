#include "mypage/adapters/timeline_text.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/civil_time.h"

namespace mypage {
namespace {

void AppendEscaped(std::string& out, absl::string_view field) {
  for (const char c : field) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\0':
        out += "\\0";
        break;
      default:
        out += c;
    }
  }
}

std::string Unescaped(absl::string_view field) {
  if (field.find('\\') == absl::string_view::npos) return std::string(field);
  std::string out;
  for (size_t i = 0; i < field.size(); ++i) {
    if (field[i] != '\\' || i + 1 == field.size()) {
      out += field[i];
      continue;
    }
    switch (field[++i]) {
      case 't':
        out += '\t';
        break;
      case 'n':
        out += '\n';
        break;
      case '0':
        out += '\0';
        break;
      default:
        out += field[i];
    }
  }
  return out;
}

// Always the same width. absl::FormatTime and ParseTime read the format string
// anew for every call and take ten times as long.
void AppendTime(std::string& out, absl::Time time) {
  const int64_t micros = absl::ToUnixMicros(time);
  const absl::CivilSecond second =
      absl::ToCivilSecond(time, absl::UTCTimeZone());
  int64_t fraction = micros % 1000000;
  if (fraction < 0) fraction += 1000000;
  absl::StrAppendFormat(&out, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                        second.year(), second.month(), second.day(),
                        second.hour(), second.minute(), second.second(),
                        fraction);
}

std::optional<int> Digits(absl::string_view text) {
  int value = 0;
  for (const char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c)))
      return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::optional<absl::Time> ParseTime(absl::string_view text) {
  constexpr absl::string_view kShape = "0000-00-00T00:00:00.000000Z";
  if (text.size() != kShape.size()) return std::nullopt;
  const auto year = Digits(text.substr(0, 4));
  const auto month = Digits(text.substr(5, 2));
  const auto day = Digits(text.substr(8, 2));
  const auto hour = Digits(text.substr(11, 2));
  const auto minute = Digits(text.substr(14, 2));
  const auto second = Digits(text.substr(17, 2));
  const auto micros = Digits(text.substr(20, 6));
  if (!year || !month || !day || !hour || !minute || !second || !micros) {
    return std::nullopt;
  }
  return absl::FromCivil(
             absl::CivilSecond(*year, *month, *day, *hour, *minute, *second),
             absl::UTCTimeZone()) +
         absl::Microseconds(*micros);
}

std::optional<Entry> ParseLine(absl::string_view line) {
  // The eight fields, without a vector for them.
  absl::string_view fields[8];
  size_t count = 0;
  for (absl::string_view field : absl::StrSplit(line, '\t')) {
    if (count == 8) break;
    fields[count++] = field;
  }
  if (count < 8) return std::nullopt;
  const std::optional<absl::Time> at = ParseTime(fields[0]);
  const std::optional<Source> source = ParseSource(fields[1]);
  Entry entry;
  if (!at || !source || !absl::SimpleAtoi(fields[2], &entry.version) ||
      !absl::SimpleAtoi(fields[3], &entry.state)) {
    return std::nullopt;
  }
  entry.at = *at;
  entry.source = *source;
  entry.status = Unescaped(fields[4]);
  entry.by = Unescaped(fields[5]);
  entry.event_id = std::string(fields[6]);
  entry.reason = Unescaped(fields[7]);
  return entry;
}

}  // namespace

std::string ToText(absl::Span<const Entry> timeline) {
  std::string out;
  out.reserve(timeline.size() * 112);
  for (const Entry& entry : timeline) {
    if (!out.empty()) out += '\n';
    AppendTime(out, entry.at);
    absl::StrAppend(&out, "\t", Name(entry.source), "\t", entry.version, "\t",
                    entry.state, "\t");
    AppendEscaped(out, entry.status);
    out += '\t';
    AppendEscaped(out, entry.by);
    absl::StrAppend(&out, "\t", entry.event_id, "\t");
    AppendEscaped(out, entry.reason);
  }
  return out;
}

absl::StatusOr<std::vector<Entry>> ParseTimeline(absl::string_view text) {
  std::vector<Entry> timeline;
  if (text.empty()) return timeline;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    std::optional<Entry> entry = ParseLine(line);
    if (!entry)
      return absl::DataLossError("A line of a timeline is unreadable.");
    timeline.push_back(*std::move(entry));
  }
  return timeline;
}

}  // namespace mypage

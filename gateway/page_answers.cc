#include "gateway/page_answers.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "nlohmann/json.hpp"

namespace gateway {
namespace {

struct Choice {
  absl::string_view name;
  double weight = 1;
};

// One element of an Accept-… header: `name` or `name;q=0.8`.
Choice ParseChoice(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits(';', 1));
  Choice choice{absl::StripAsciiWhitespace(parts.first)};
  absl::string_view weight = absl::StripAsciiWhitespace(parts.second);
  if (absl::ConsumePrefix(&weight, "q=") &&
      !absl::SimpleAtod(weight, &choice.weight)) {
    choice.weight = 0;
  }
  return choice;
}

}  // namespace

absl::string_view PreferredLanguage(absl::string_view accept_language) {
  absl::string_view best = "en";
  double best_weight = 0;
  for (const absl::string_view text : absl::StrSplit(accept_language, ',')) {
    const Choice choice = ParseChoice(text);
    // The first of equals is meant.
    if (choice.weight <= best_weight) continue;
    for (const absl::string_view language : {"ko", "en"}) {
      if (absl::EqualsIgnoreCase(choice.name.substr(0, 2), language) &&
          (choice.name.size() == 2 || choice.name[2] == '-')) {
        best = language;
        best_weight = choice.weight;
      }
    }
  }
  return best;
}

bool IsLoopback(absl::string_view host) {
  const size_t colon = host.rfind(':');
  if (colon != absl::string_view::npos &&
      host.find(']', colon) == absl::string_view::npos) {
    host = host.substr(0, colon);
  }
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

bool AcceptsGzip(absl::string_view accept_encoding) {
  for (const absl::string_view text : absl::StrSplit(accept_encoding, ',')) {
    const Choice choice = ParseChoice(text);
    if (absl::EqualsIgnoreCase(choice.name, "gzip")) return choice.weight > 0;
  }
  return false;
}

absl::string_view BearerToken(absl::string_view authorization) {
  if (!absl::StartsWithIgnoreCase(authorization, "bearer ")) return "";
  return absl::StripAsciiWhitespace(authorization.substr(7));
}

absl::StatusOr<std::string> ClaimsOf(absl::string_view token) {
  const std::vector<absl::string_view> parts = absl::StrSplit(token, '.');
  std::string claims;
  if (parts.size() != 3 || !absl::WebSafeBase64Unescape(parts[1], &claims) ||
      !nlohmann::json::accept(claims)) {
    return absl::InvalidArgumentError("not a JSON Web Token");
  }
  return claims;
}

std::string SessionCookie(absl::string_view token, bool secure) {
  return absl::StrCat(
      "restaurant_token=", token, "; Path=/; HttpOnly; SameSite=Strict",
      secure ? "; Secure" : "", token.empty() ? "; Max-Age=0" : "");
}

}  // namespace gateway

// Whose token it is, and every way in which a token can be none.

#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/auth/access.h"
#include "platform/auth/auth_flags.h"
#include "platform/auth/jwks.h"
#include "platform/auth/jwt.h"
#include "platform/auth/signer.h"
#include "platform/auth/verifier.h"
#include "platform/status/error.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tokens.h"

namespace platform::auth {
namespace {

using nlohmann::json;
using ::test_support::ClaimsOf;
using ::test_support::Fails;
using ::test_support::IsOk;
using ::test_support::KeyPair;
using ::test_support::NewEcKey;
using ::test_support::NewRsaKey;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Time kNoon = absl::FromUnixSeconds(1'800'000'000);

void Write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
}

// The token with its header, its claims or its signature replaced.
std::string With(const std::string& token, size_t part,
                 const std::string& text) {
  std::vector<std::string> parts = absl::StrSplit(token, '.');
  parts[part] = absl::WebSafeBase64Escape(text);
  return absl::StrCat(parts[0], ".", parts[1], ".", parts[2]);
}

std::string SignWith(const KeyPair& key, const json& claims,
                     const std::string& id = "") {
  return SignToken(key.private_pem,
                   id.empty() ? key.jwk["kid"].get<std::string>() : id,
                   claims.dump())
      .value();
}

class AuthTest : public ::testing::Test {
 protected:
  AuthTest() {
    VerifierOptions options = issuers_.Options();
    options.now = [this] { return now_; };
    options.cache_limit = 100;
    verifier_ = Verifier::Create(std::move(options)).value();
  }

  json Claims() const { return ClaimsOf("customer", "42", now_); }
  std::string Good() const { return SignWith(issuers_.people(), Claims()); }
  absl::Status Verify(const std::string& token) {
    return verifier_->Verify(token).status();
  }

  absl::Time now_ = kNoon;
  const test_support::Issuers issuers_;
  std::unique_ptr<Verifier> verifier_;
};

TEST_F(AuthTest, AGoodTokenSaysWhoItIs) {
  json claims = ClaimsOf("kitchen", "kim", now_);
  claims["restaurants"] = {8, 7};
  claims["mixed"] = {1, "x"};

  const auto identity =
      verifier_->Verify(SignWith(issuers_.people(), claims)).value();

  EXPECT_EQ(identity->subject, "kim");
  EXPECT_EQ(identity->role, "kitchen");
  EXPECT_THAT(identity->number_lists.at("restaurants"), ElementsAre(7, 8));
  EXPECT_FALSE(identity->number_lists.contains("mixed"));
}

TEST_F(AuthTest, RsaKeysCountToo) {
  const KeyPair rsa = NewRsaKey("rsa");
  Write(issuers_.people_file(),
        test_support::JwksOf({issuers_.people().jwk, rsa.jwk}));
  now_ += absl::Seconds(6);

  EXPECT_THAT(Verify(SignWith(rsa, Claims())), IsOk());
  EXPECT_THAT(Verify(Good()), IsOk());
  // Each key signs for itself.
  EXPECT_THAT(Verify(SignWith(rsa, Claims(), "people")),
              Fails(absl::StatusCode::kUnauthenticated, kTokenInvalid));
}

// Every row of what is no token.
TEST_F(AuthTest, WhatIsNoTokenIsRefused) {
  const KeyPair stranger = NewEcKey("people");
  const auto with = [&](const char* name, const json& value) {
    json claims = Claims();
    if (value.is_null()) {
      claims.erase(name);
    } else {
      claims[name] = value;
    }
    return SignWith(issuers_.people(), claims);
  };
  const std::string good = Good();
  ASSERT_THAT(Verify(good), IsOk());
  const std::string payload = Claims().dump();
  const std::string none =
      absl::StrCat(absl::WebSafeBase64Escape(R"({"alg":"none","typ":"JWT"})"),
                   ".", absl::WebSafeBase64Escape(payload), ".");
  // HMAC with the public key as the secret, as if it were what we share.
  const std::string hmac_header = R"({"alg":"HS256","kid":"people"})";
  std::string other_claims = payload;
  other_claims.replace(other_claims.find("\"42\""), 4, "\"43\"");
  struct Case {
    const char* what;
    std::string token;
    absl::string_view reason = kTokenInvalid;
  };
  const std::vector<Case> cases = {
      {"empty", ""},
      {"not a token", "abc"},
      {"two parts", good.substr(0, good.rfind('.'))},
      {"four parts", good + ".x"},
      {"white space", good + " "},
      {"padding", good + "=="},
      {"no signature", good.substr(0, good.rfind('.') + 1)},
      {"alg none", none},
      {"alg none with a signature", none + "AAAA"},
      {"alg NONE", With(good, 0, R"({"alg":"NONE","kid":"people"})")},
      {"alg HS256", With(good, 0, hmac_header)},
      {"alg RS256 for a P-256 key",
       With(good, 0, R"({"alg":"RS256","kid":"people"})")},
      {"alg is a number", With(good, 0, R"({"alg":5,"kid":"people"})")},
      {"no alg", With(good, 0, R"({"kid":"people"})")},
      {"crit", With(good, 0, R"({"alg":"ES256","kid":"people","crit":["x"]})")},
      {"header is no object", With(good, 0, "[]")},
      {"header is no JSON", With(good, 0, "{")},
      {"unknown kid", SignWith(issuers_.people(), Claims(), "nobody")},
      {"no kid", With(good, 0, R"({"alg":"ES256"})")},
      {"wrong key", SignWith(stranger, Claims())},
      {"a service's key", SignWith(issuers_.order(), Claims())},
      {"tampered claims", With(good, 1, other_claims)},
      {"tampered signature", With(good, 2, std::string(64, 'x'))},
      {"signature of zeros", With(good, 2, std::string(64, '\0'))},
      {"short signature", With(good, 2, std::string(63, 'x'))},
      {"claims are no object", With(good, 1, "[1]")},
      {"wrong issuer", with("iss", "somebody")},
      {"no issuer", with("iss", nullptr)},
      {"issuer is no text", with("iss", 5)},
      {"services' issuer", with("iss", "restaurant-services")},
      {"wrong audience", with("aud", "others")},
      {"no audience", with("aud", nullptr)},
      {"other audiences", with("aud", json::array({"a", "b"}))},
      {"no subject", with("sub", nullptr)},
      {"empty subject", with("sub", "")},
      {"no expiry", with("exp", nullptr)},
      {"expiry is text", with("exp", "9999999999")},
      {"nbf is text", with("nbf", "0")},
      {"expired", with("exp", absl::ToUnixSeconds(now_) - 31), kTokenExpired},
      {"expired long ago", with("exp", -1e300), kTokenExpired},
      {"not yet valid", with("nbf", absl::ToUnixSeconds(now_) + 31),
       kTokenNotYetValid},
      {"never valid", with("nbf", 1e300), kTokenNotYetValid},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(Verify(c.token),
                Fails(absl::StatusCode::kUnauthenticated, c.reason))
        << c.what;
  }
  // None of them has spoiled anything.
  EXPECT_THAT(Verify(good), IsOk());
}

TEST_F(AuthTest, ClocksMayBeHalfAMinuteApart) {
  json claims = Claims();
  claims["exp"] = absl::ToUnixSeconds(now_) - 29;
  EXPECT_THAT(Verify(SignWith(issuers_.people(), claims)), IsOk());
  claims = Claims();
  claims["nbf"] = absl::ToUnixSeconds(now_) + 30;
  EXPECT_THAT(Verify(SignWith(issuers_.people(), claims)), IsOk());
}

TEST_F(AuthTest, OneOfSeveralAudiencesIsEnough) {
  json claims = Claims();
  claims["aud"] = {"others", "restaurant"};
  EXPECT_THAT(Verify(SignWith(issuers_.people(), claims)), IsOk());
}

TEST_F(AuthTest, ARememberedTokenExpires) {
  const std::string token = Good();
  ASSERT_THAT(Verify(token), IsOk());
  now_ += absl::Hours(1) + absl::Seconds(29);
  EXPECT_THAT(Verify(token), IsOk());
  now_ += absl::Seconds(1);
  EXPECT_THAT(Verify(token),
              Fails(absl::StatusCode::kUnauthenticated, kTokenExpired));
}

TEST_F(AuthTest, ATokenIsVerifiedOnce) {
  const std::string token = Good();
  // The same object, so nobody looked at the token again.
  EXPECT_EQ(verifier_->Verify(token).value(), verifier_->Verify(token).value());
}

TEST_F(AuthTest, MoreTokensThanTheMemoryHoldsAreStillRight) {
  for (int i = 0; i < 300; ++i) {
    const std::string name = absl::StrCat(i);
    const std::string token =
        SignWith(issuers_.people(), ClaimsOf("customer", name, now_));
    EXPECT_EQ(verifier_->Verify(token).value()->subject, name);
  }
}

// A key that is gone from its file takes its tokens with it, known ones too.
TEST_F(AuthTest, AChangedKeyFileIsReadAgain) {
  const std::string old = Good();
  ASSERT_THAT(Verify(old), IsOk());
  const KeyPair next = NewEcKey("next");
  Write(issuers_.people_file(), test_support::JwksOf({next.jwk}));
  now_ += absl::Seconds(6);

  EXPECT_THAT(Verify(SignWith(next, Claims())), IsOk());
  EXPECT_THAT(Verify(old),
              Fails(absl::StatusCode::kUnauthenticated, kTokenInvalid));
}

TEST_F(AuthTest, AnUnusableKeyFileChangesNothing) {
  const std::string token = Good();
  for (const char* text : {"", "{", R"({"keys":[]})"}) {
    Write(issuers_.people_file(), text);
    now_ += absl::Seconds(6);
    EXPECT_THAT(Verify(token), IsOk()) << text;
  }
  std::remove(issuers_.people_file().c_str());
  now_ += absl::Seconds(6);
  EXPECT_THAT(Verify(token), IsOk());
}

TEST_F(AuthTest, AKeyFileThatIsGoneIsSaidOnce) {
  std::remove(issuers_.people_file().c_str());
  for (const char* said : {"new keys are unusable", ""}) {
    now_ += absl::Seconds(6);
    ::testing::internal::CaptureStderr();
    EXPECT_THAT(Verify(Good()), IsOk());
    const std::string log = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(log.empty(), *said == '\0') << log;
    EXPECT_THAT(log, HasSubstr(said));
  }
}

// A service's key speaks for that service and no other, and for no person.
TEST_F(AuthTest, AServicesKeyIsItsOwnOnly) {
  json claims = ClaimsOf("operator", "order", now_);
  claims["iss"] = "restaurant-services";
  const auto identity =
      verifier_->Verify(SignWith(issuers_.order(), claims)).value();
  EXPECT_EQ(identity->role, "service");

  claims["sub"] = "cook";
  EXPECT_THAT(Verify(SignWith(issuers_.order(), claims)),
              Fails(absl::StatusCode::kUnauthenticated, kTokenInvalid));
  claims["sub"] = "order";
  EXPECT_THAT(Verify(SignWith(issuers_.people(), claims)),
              Fails(absl::StatusCode::kUnauthenticated, kTokenInvalid));
}

TEST_F(AuthTest, ThreadsMayVerifyWhileKeysChange) {
  std::vector<std::string> tokens;
  for (int i = 0; i < 20; ++i) {
    tokens.push_back(SignWith(issuers_.people(),
                              ClaimsOf("customer", absl::StrCat(i), kNoon)));
  }
  VerifierOptions options = issuers_.Options();
  options.now = [] { return kNoon; };
  options.reload_every = absl::ZeroDuration();
  options.cache_limit = 10;
  const auto verifier = Verifier::Create(std::move(options)).value();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        for (size_t i = 0; i < tokens.size(); ++i) {
          EXPECT_EQ(verifier->Verify(tokens[i]).value()->subject,
                    absl::StrCat(i));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(AuthTest, TheSignersTokensAreRenewedInTime) {
  const auto signer = Signer::Create({.key_file = issuers_.order_key_file(),
                                      .subject = "order",
                                      .issuer = "restaurant-services",
                                      .audience = "restaurant",
                                      .lifetime = absl::Minutes(5),
                                      .now = [this] { return now_; }})
                          .value();
  const std::string first = signer->Token();
  EXPECT_EQ(verifier_->Verify(first).value()->subject, "order");
  now_ += absl::Seconds(239);
  EXPECT_EQ(signer->Token(), first);
  now_ += absl::Seconds(1);
  EXPECT_NE(signer->Token(), first);
  EXPECT_THAT(Verify(signer->Token()), IsOk());
}

TEST_F(AuthTest, AnUnusableKeyNamesItsFileAndNotItsContent) {
  const std::string file = issuers_.order_key_file();
  Write(file,
        "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----");
  const auto create = [](const std::string& key_file) {
    return Signer::Create({.key_file = key_file,
                           .subject = "order",
                           .issuer = "restaurant-services",
                           .audience = "restaurant"})
        .status();
  };
  const absl::Status bad = create(file);
  EXPECT_THAT(bad, Fails(absl::StatusCode::kInvalidArgument, "BAD_KEY"));
  EXPECT_THAT(bad.ToString(), HasSubstr(file));
  EXPECT_THAT(bad.ToString(), ::testing::Not(HasSubstr("c2VjcmV0")));
  EXPECT_THAT(create("/nowhere"),
              Fails(absl::StatusCode::kInvalidArgument, "BAD_KEY"));
  Write(file, NewEcKey("order", "P-384").private_pem);
  EXPECT_THAT(create(file),
              Fails(absl::StatusCode::kInvalidArgument, "BAD_KEY"));
}

TEST(JwksTest, TakesWhatItCanUse) {
  const KeyPair ec = NewEcKey("ec");
  const KeyPair rsa = NewRsaKey("rsa");
  json encryption = NewRsaKey("enc").jwk;
  encryption["use"] = "enc";
  json without_id = NewEcKey("x").jwk;
  without_id.erase("kid");
  const auto keys = ParseJwks(test_support::JwksOf(
      {ec.jwk,
       encryption,
       rsa.jwk,
       without_id,
       {{"kid", "secret"}, {"kty", "oct"}, {"k", "AAAA"}},
       {{"kid", "ed"}, {"kty", "OKP"}, {"crv", "Ed25519"}, {"x", "AAAA"}}}));
  ASSERT_THAT(keys, IsOk());
  ASSERT_EQ(keys->size(), 2U);
  EXPECT_EQ((*keys)[0].id, "ec");
  EXPECT_EQ((*keys)[1].id, "rsa");
}

TEST(JwksTest, BrokenKeysAreNamed) {
  json off_curve = NewEcKey("off").jwk;
  off_curve["x"] = off_curve["y"];
  json short_x = NewEcKey("short").jwk;
  short_x["x"] = "AAAA";
  const std::vector<std::string> bad = {
      "",
      "[]",
      "{}",
      R"({"keys":5})",
      R"({"keys":[5]})",
      R"({"keys":[]})",
      test_support::JwksOf({off_curve}),
      test_support::JwksOf({short_x}),
      test_support::JwksOf({NewRsaKey("weak", 1024).jwk})};
  for (const std::string& text : bad) {
    EXPECT_THAT(ParseJwks(text),
                Fails(absl::StatusCode::kInvalidArgument, "BAD_JWKS"))
        << text;
  }
}

class AccessTest : public ::testing::Test {
 protected:
  absl::StatusOr<Caller> Admit(const std::string& role,
                               const std::string& subject,
                               absl::string_view method) const {
    return access_->Admit("Bearer " + issuers_.Person(role, subject, {7, 8}),
                          method);
  }

  const test_support::Issuers issuers_;
  const std::unique_ptr<Access> access_ = issuers_.Enforce(
      {{"Read", {{"customer", Scope::kOwn}, {"operator", Scope::kAll}}},
       {"Write", {{"service", Scope::kAll, "order"}}}});
};

TEST_F(AccessTest, TheTableDecides) {
  const Caller customer = Admit("customer", "42", "Read").value();
  EXPECT_TRUE(customer.Is(42));
  EXPECT_FALSE(customer.Is(43));
  EXPECT_TRUE(customer.Has("restaurants", 7));
  EXPECT_FALSE(customer.Has("restaurants", 9));
  EXPECT_FALSE(customer.Has("others", 7));
  const Caller chief = Admit("operator", "ann", "Read").value();
  EXPECT_TRUE(chief.Is(43));
  EXPECT_TRUE(chief.Has("restaurants", 9));

  const auto denied =
      Fails(absl::StatusCode::kPermissionDenied, "ROLE_NOT_ALLOWED");
  EXPECT_THAT(Admit("courier", "c", "Read"), denied);
  EXPECT_THAT(Admit("", "42", "Read"), denied);
  EXPECT_THAT(Admit("operator", "ann", "Write"), denied);
  // A method that nobody thought of is nobody's.
  EXPECT_THAT(Admit("operator", "ann", "Forgotten"), denied);
  EXPECT_THAT(access_->Admit("Bearer " + issuers_.OrderService(), "Write"),
              IsOk());
  EXPECT_THAT(access_->Admit("Bearer " + issuers_.OrderService(), "Read"),
              denied);
}

TEST_F(AccessTest, APersonCannotBeAService) {
  EXPECT_THAT(Admit("service", "order", "Write"),
              Fails(absl::StatusCode::kUnauthenticated, kTokenInvalid));
}

TEST_F(AccessTest, SubjectsAreComparedAsTheyAreWritten) {
  for (const char* subject : {"042", " 42", "42 ", "+42", "42.0", "0x2a"}) {
    EXPECT_FALSE(Admit("customer", subject, "Read").value().Is(42)) << subject;
  }
}

TEST_F(AccessTest, WithoutATokenNobodyComesIn) {
  const std::string token = issuers_.Person("customer", "42");
  EXPECT_THAT(access_->Admit("", "Read"),
              Fails(absl::StatusCode::kUnauthenticated, kTokenMissing));
  for (const std::string& value :
       std::vector<std::string>{token, "Basic " + token, "bearer", "Bearer",
                                "Bearer ", "Bearer  " + token}) {
    EXPECT_THAT(access_->Admit(value, "Read"),
                Fails(absl::StatusCode::kUnauthenticated, kTokenInvalid))
        << value;
  }
}

TEST(AuthFlagsTest, MistakesAreNamed) {
  const absl::FlagSaver saver;
  const auto set = [](const char* name, const std::string& value) {
    std::string error;
    ASSERT_TRUE(absl::FindCommandLineFlag(name)->ParseFrom(value, &error))
        << error;
  };
  const auto says = [](absl::string_view listen, const char* flag) {
    const absl::Status status = AccessFromFlags(listen, {}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(flag));
  };
  says("127.0.0.1:1", "--auth_jwks");
  set("auth", "maybe");
  says("127.0.0.1:1", "--auth");
  set("auth", "off");
  for (const char* listen : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", ":1",
                             "128.0.0.1:1", "example.org:1"}) {
    says(listen, "--auth: off");
  }
  for (const char* listen :
       {"127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "localhost:1"}) {
    const auto access = AccessFromFlags(listen, {});
    ASSERT_THAT(access, IsOk());
    EXPECT_TRUE((*access)->Admit("", "Anything").value().Is(1));
  }
  EXPECT_EQ(SignerFromFlags("order").value(), nullptr);

  const test_support::Issuers issuers;
  set("auth", "on");
  set("auth_jwks", issuers.people_file());
  EXPECT_THAT(AccessFromFlags("0.0.0.0:1", {}), IsOk());
  EXPECT_THAT(SignerFromFlags("order").status().ToString(),
              HasSubstr("--auth_key"));
  set("auth_service_issuer", "restaurant");
  says("127.0.0.1:1", "--auth_service_issuer");
  set("auth_service_issuer", "restaurant-services");
  set("auth_audience", "");
  says("127.0.0.1:1", "--auth_audience");
  set("auth_audience", "restaurant");
  set("auth_jwks", "/nowhere.json");
  says("127.0.0.1:1", "/nowhere.json");
}

}  // namespace
}  // namespace platform::auth

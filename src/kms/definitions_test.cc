// definitions_test.cc: changes of actions and sequences: single rules, and a randomized run against a model
// that is as simple as it can be, with a replay of the journal's bytes beside it.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "kms/changes.h"
#include "kms/definition_rules.h"
#include "kms/testing/test_kms.h"

namespace clemmys::kms {
namespace {

using testing::native_action;
using testing::sequence_action;

// The policy's digest, and where scripts run.
RootPolicy policy_of(std::uint8_t digest) {
  RootPolicy policy;
  policy.digest = {{digest}};
  policy.javascript = {{{0x4a}}};
  return policy;
}
const RootPolicy kPolicy = policy_of(1);

class DefinitionsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(crypto::initialize());
    auto made = create_namespace(context(), "ns");
    ASSERT_TRUE(made);
    apply(std::move(made->delta));
  }
  ChangeContext context() { return {state_, kPolicy, now_ms_}; }
  // apply sends a delta through its encoding, as the journal does, and replays the same bytes into a second
  // state.
  void apply(Delta delta) {
    const Bytes bytes = encode(delta);
    ASSERT_TRUE(state_.apply(std::move(delta)));
    auto again = decode_delta(bytes);
    ASSERT_TRUE(again);
    ASSERT_EQ(encode(*again), bytes);
    ASSERT_TRUE(replayed_.apply(std::move(*again)));
  }
  std::string put(const wire::Action& action) {
    const wire::Action* old = state_.find_action(action_key(action));
    auto delta = put_action(context(), {action, old == nullptr ? 0 : old->revision});
    if (!delta) return delta.error().detail;
    apply(std::move(*delta));
    return "ok";
  }
  std::string remove(const std::string& name) {
    auto delta = delete_action(context(), {"ns", "", name, 0});
    if (!delta) return delta.error().detail;
    apply(std::move(*delta));
    return "ok";
  }
  // steps gives the current chain of an action as "a b c", or "-" when it has none.
  std::string steps(const std::string& name) const {
    const wire::Action* action = state_.find_action("ns/" + name);
    if (action == nullptr) return "none";
    if (action->chain.is_zero()) return "-";
    const ChainEntry* chain = state_.find_chain(action->chain);
    if (chain == nullptr || chain->retired_unix_ms != 0) return "retired";
    if (chain->digest != wire::chain_digest(chain->namespace_id, chain->steps)) return "digest";
    std::string text;
    for (const wire::ChainStep& step : chain->steps) {
      const wire::Action* atom =
          state_.find_function(step.function);  // every current chain runs current functions only
      if (atom == nullptr || "ns/" + atom->name != step.action) return "stale";
      text += (text.empty() ? "" : " ") + atom->name;
    }
    return text;
  }
  wire::Action native(const std::string& name) { return native_action("ns", name, {{1}}); }
  wire::Action sequence(const std::string& name, const std::vector<std::string>& parts) {
    std::vector<std::string> components;
    for (const std::string& part : parts) components.push_back("/ns/" + part);
    return sequence_action("ns", name, components);
  }

  State state_, replayed_;
  std::uint64_t now_ms_ = 1'000'000;
};

using Sequences = DefinitionsTest;

TEST_F(Sequences, AreFlattenedInOrderNestedOnesToo) {
  for (const char* name : {"a", "b", "c"}) ASSERT_EQ(put(native(name)), "ok");
  ASSERT_EQ(put(sequence("inner", {"b", "c"})), "ok");
  ASSERT_EQ(put(sequence("outer", {"a", "inner", "a"})), "ok");
  EXPECT_EQ(steps("a"), "a");
  EXPECT_EQ(steps("outer"), "a b c a");
}

TEST_F(Sequences, FollowTheirComponentsInOneRecord) {
  for (const char* name : {"a", "b"}) ASSERT_EQ(put(native(name)), "ok");
  ASSERT_EQ(put(sequence("inner", {"a"})), "ok");
  ASSERT_EQ(put(sequence("outer", {"inner", "b"})), "ok");
  const ChainId old = state_.find_action("ns/outer")->chain;
  const std::uint64_t revision = state_.revision();
  ASSERT_EQ(put(native("a")), "ok");  // a new revision of the function
  EXPECT_EQ(state_.revision(), revision + 1);
  EXPECT_NE(state_.find_action("ns/outer")->chain, old);
  EXPECT_NE(state_.find_chain(old)->retired_unix_ms, 0u);
  EXPECT_EQ(steps("outer"), "a b");
  EXPECT_EQ(state_.find_action("ns/outer")->version, "0.0.1");
  ASSERT_EQ(put(sequence("inner", {"b", "b"})), "ok");
  EXPECT_EQ(steps("outer"), "b b b");
}

TEST_F(Sequences, LoseTheirChainWithAComponentAndGetItBackWithIt) {
  for (const char* name : {"a", "b"}) ASSERT_EQ(put(native(name)), "ok");
  ASSERT_EQ(put(sequence("s", {"a", "b"})), "ok");
  ASSERT_EQ(remove("b"), "ok");
  EXPECT_EQ(steps("s"), "-");
  ASSERT_EQ(put(native("b")), "ok");
  EXPECT_EQ(steps("s"), "a b");
  EXPECT_EQ(state_.find_action("ns/b")->version, "0.0.1");
}

TEST_F(Sequences, AreRefusedWhenEmptyCyclicTooLongOrIncomplete) {
  ASSERT_EQ(put(native("a")), "ok");
  EXPECT_EQ(put(sequence("s", {})), "No component specified for the sequence.");
  EXPECT_EQ(put(sequence("s", {"s"})), "Sequence may not refer to itself.");
  EXPECT_EQ(put(sequence("s", {"a", "missing"})), "Sequence component does not exist.");
  ASSERT_EQ(put(sequence("s", {"a"})), "ok");
  EXPECT_EQ(put(sequence("s", {"a", "s"})), "Sequence may not refer to itself.");
  ASSERT_EQ(put(sequence("t", {"s"})), "ok");
  EXPECT_EQ(put(sequence("s", {"t"})), "Sequence may not refer to itself.");
  EXPECT_EQ(steps("s"), "a");  // a refusal changes nothing
  EXPECT_EQ(put(sequence("long", std::vector<std::string>(51, "a"))), "Too many actions in the sequence.");
  ASSERT_EQ(put(sequence("long", std::vector<std::string>(50, "a"))), "ok");
  EXPECT_EQ(put(sequence("longer", {"long", "a"})), "Too many actions in the sequence.");
}

TEST_F(Sequences, ThatGrewTooLongFromInsideHaveNoChain) {
  ASSERT_EQ(put(native("a")), "ok");
  ASSERT_EQ(put(sequence("inner", {"a"})), "ok");
  ASSERT_EQ(put(sequence("outer", std::vector<std::string>(26, "inner"))), "ok");
  ASSERT_EQ(put(sequence("inner", {"a", "a"})), "ok");
  EXPECT_EQ(steps("outer"), "-");
}

TEST_F(Sequences, DoNotReachIntoOtherNamespaces) {
  auto made = create_namespace(context(), "other");
  apply(std::move(made->delta));
  ASSERT_EQ(put(native_action("other", "a", {{1}})), "ok");
  EXPECT_EQ(put(sequence_action("ns", "s", {"/other/a"})),
            "a component of another namespace needs its owner's consent, which cannot be given yet");
  for (const char* component : {"a", "/a", "/ns/p/a/b", "/ns/", "//a", "/ns/a/", ""}) {
    EXPECT_EQ(put(sequence_action("ns", "s", {component})), "a component is named /namespace/[package/]name")
        << component;
  }
}

TEST_F(Sequences, DestroyRetiredSecretsWhenTheirTimePassed) {
  ASSERT_EQ(put(native("a")), "ok");
  const ChainId chain = state_.find_action("ns/a")->chain;
  ASSERT_EQ(put(native("a")), "ok");
  ASSERT_NE(state_.find_chain(chain), nullptr);
  now_ms_ += 120'001;
  ASSERT_EQ(put(native("b")), "ok");
  EXPECT_EQ(state_.find_chain(chain), nullptr);
}

TEST_F(DefinitionsTest, RefusesNamesOutsideTheGrammar) {
  for (const char* name : {"", " ", "a ", " a", "a/b", "ä", "-a", ".a", "a\n"})
    EXPECT_NE(put(native(name)), "ok") << name;
  EXPECT_NE(put(native(std::string(257, 'a'))), "ok");
  for (const char* name : {"a", "_", "a b", "a.b-c@d", "0"}) EXPECT_EQ(put(native(name)), "ok") << name;
  EXPECT_EQ(put(native(std::string(256, 'a'))), "ok");
}

TEST_F(DefinitionsTest, RefusesLimitsAndTextsOutOfRange) {
  const auto refused = [&](auto change) {
    wire::Action action = native("a");
    change(action);
    return put(action) != "ok";
  };
  EXPECT_TRUE(refused([](auto& a) { a.limits.timeout_ms = 99; }));
  EXPECT_TRUE(refused([](auto& a) { a.limits.timeout_ms = 300'001; }));
  EXPECT_TRUE(refused([](auto& a) { a.limits.memory_mib = 127; }));
  EXPECT_TRUE(refused([](auto& a) { a.limits.memory_mib = 513; }));
  EXPECT_TRUE(refused([](auto& a) { a.limits.logs_mib = 11; }));
  EXPECT_TRUE(refused([](auto& a) { a.limits.concurrency = 0; }));
  EXPECT_TRUE(refused([](auto& a) { a.kind = "nodejs:20"; }));
  EXPECT_TRUE(refused([](auto& a) { a.image = {}; }));
  EXPECT_TRUE(refused([](auto& a) { a.package = "p"; }));
  EXPECT_TRUE(refused([](auto& a) { a.components = {"/ns/b"}; }));
  for (const char* text : {"", "{}", "[1]", "[{}]", R"([{"key":1,"value":2}])", R"([{"key":"a"}])",
                           R"([{"key":"a","value":1,"x":2}])",
                           "[] "
                           "x"}) {
    EXPECT_TRUE(refused([&](auto& a) { a.parameters_json = text; })) << text;
    EXPECT_TRUE(refused([&](auto& a) { a.annotations_json = text; })) << text;
  }
  EXPECT_TRUE(refused([](auto& a) { a.parameters_json = std::string(kJsonSizeMax + 1, ' '); }));
}

// Model: names and components, nothing else.
class Model {
 public:
  bool put(const std::string& name, const std::vector<std::string>& components, bool is_sequence) {
    auto trial = definitions_;
    trial[name] = {is_sequence, components};
    std::vector<std::string> flat;
    if (!flatten(trial, name, {}, flat)) return false;
    definitions_ = std::move(trial);
    return true;
  }
  bool remove(const std::string& name) { return definitions_.erase(name) == 1; }
  std::string steps(const std::string& name) const {
    if (!definitions_.contains(name)) return "none";
    std::vector<std::string> flat;
    if (!flatten(definitions_, name, {}, flat)) return "-";
    std::string text;
    for (const std::string& one : flat) text += (text.empty() ? "" : " ") + one;
    return text;
  }

 private:
  struct Definition {
    bool is_sequence = false;
    std::vector<std::string> components;
  };
  using Definitions = std::map<std::string, Definition>;
  static bool flatten(const Definitions& all, const std::string& name, std::vector<std::string> path,
                      std::vector<std::string>& flat) {
    const auto found = all.find(name);
    if (found == all.end() || std::ranges::count(path, name) != 0) return false;
    if (!found->second.is_sequence) {
      flat.push_back(name);
      return flat.size() <= kSequenceStepsMax;
    }
    path.push_back(name);
    if (found->second.components.empty()) return false;
    return std::ranges::all_of(found->second.components,
                               [&](const auto& part) { return flatten(all, part, path, flat); });
  }
  Definitions definitions_;
};

TEST_F(DefinitionsTest, AgreeWithAModelAndWithTheReplayedJournal) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto pick = [&](std::uint64_t below) { return random() % below; };
  constexpr int kNames = 9;
  const auto any_name = [&] { return std::string(1, static_cast<char>('a' + pick(kNames))); };
  Model model;
  for (int round = 0; round < 2000; ++round) {
    now_ms_ += pick(20'000);
    const std::string name = any_name();
    const std::uint64_t what = pick(10);
    if (what < 2) {
      ASSERT_EQ(remove(name) == "ok", model.remove(name));
    } else if (what < 5) {
      ASSERT_EQ(put(native(name)) == "ok", model.put(name, {}, false));
    } else {
      std::vector<std::string> parts(pick(5));
      for (std::string& part : parts) part = any_name();
      ASSERT_EQ(put(sequence(name, parts)) == "ok", model.put(name, parts, true));
    }
    for (int i = 0; i < kNames; ++i) {
      const std::string one(1, static_cast<char>('a' + i));
      ASSERT_EQ(steps(one), model.steps(one)) << "round " << round << ", action " << one;
    }
    if (round % 100 == 0) {
      ASSERT_EQ(wire::encode(state_.view(0, kPolicy.digest, now_ms_)),
                wire::encode(replayed_.view(0, kPolicy.digest, now_ms_)));
    }
  }
}

TEST_F(DefinitionsTest, AViewSinceARevisionHasExactlyWhatChanged) {
  ASSERT_EQ(put(native("a")), "ok");
  ASSERT_EQ(put(native("b")), "ok");
  const std::uint64_t before = state_.revision();
  EXPECT_TRUE(state_.view(before, kPolicy.digest, now_ms_).actions.empty());
  ASSERT_EQ(remove("a"), "ok");
  const auto view = state_.view(before, kPolicy.digest, now_ms_);
  ASSERT_EQ(view.actions.size(), 1u);
  EXPECT_TRUE(view.actions[0].deleted);
  ASSERT_EQ(view.chains.size(), 1u);
  EXPECT_NE(view.chains[0].retired_unix_ms, 0u);
  EXPECT_EQ(state_.view(0, kPolicy.digest, now_ms_).actions.size(), 1u);
}

}  // namespace
}  // namespace clemmys::kms

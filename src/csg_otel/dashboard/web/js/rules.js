// What alert rules have in common wherever they are shown. Pure.

const WORST = { firing: 0, pending: 1, ok: 2 };

/** The series of a rule that is nearest to firing, or null. */
export function worstSeries(rule) {
  const sorted = [...rule.series].sort((a, b) => WORST[a.state] - WORST[b.state]);
  const [first] = sorted;
  if (!first) return null;
  const below = rule.condition.includes("<");
  return sorted.filter((one) => one.state === first.state).reduce((worst, one) => ((below ? one.value < worst.value : one.value > worst.value) ? one : worst), first);
}

package edgecls

import kotlin.math.exp
import kotlin.math.ln
import kotlin.math.max

/** Several classes shown as one label. */
class Group(val label: String, val members: IntArray)

/** What a picture shows; `label` is "unknown" if the best score is below the threshold. */
class Answer(val label: String, val score: Float, val scores: Map<String, Float>)

/** From the model's probabilities to a label: temperature, groups, unknown, as `edgecls run` does. */
class Scores(
    private val labels: List<String>,
    private val groups: List<Group>,
    private val temperature: Double,
    private val unknownThreshold: Double,
) {
    fun answer(probabilities: FloatArray): Answer {
        val softer = softened(probabilities)
        val shown = if (groups.isEmpty()) labels.zip(softer.toList()) else grouped(softer)
        val best = shown.maxBy { it.second }
        val label = if (best.second < unknownThreshold) "unknown" else best.first
        return Answer(label, best.second.toFloat(), shown.associate { it.first to it.second.toFloat() })
    }

    private fun softened(probabilities: FloatArray): DoubleArray {
        if (temperature == 1.0) return DoubleArray(probabilities.size) { probabilities[it].toDouble() }
        val logits = DoubleArray(probabilities.size) { ln(max(probabilities[it].toDouble(), 1e-6)) / temperature }
        val most = logits.max()
        val powers = DoubleArray(logits.size) { exp(logits[it] - most) }
        val sum = powers.sum()
        return DoubleArray(powers.size) { powers[it] / sum }
    }

    private fun grouped(scores: DoubleArray): List<Pair<String, Double>> {
        val best = groups.map { group -> group.members.maxOf { scores[it] } }
        val mass = groups.sumOf { group -> group.members.sumOf { scores[it] } }
        val total = max(best.sum(), 1e-30)
        return groups.mapIndexed { place, group -> group.label to best[place] / total * mass }
    }
}

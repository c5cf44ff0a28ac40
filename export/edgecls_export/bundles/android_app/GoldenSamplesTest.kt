package edgecls

import android.graphics.BitmapFactory
import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import kotlin.math.abs
import org.json.JSONObject
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith

/** The phone computes what the model's makers computed: pictures of exactly the input size, and their scores. */
@RunWith(AndroidJUnit4::class)
class GoldenSamplesTest {
    @Test
    fun scoresAreThoseOfTheGoldenSamples() {
        val instrumentation = InstrumentationRegistry.getInstrumentation()
        val assets = instrumentation.context.assets
        val golden = JSONObject(assets.open("golden/golden.json").bufferedReader().use { it.readText() })
        val options = BitmapFactory.Options().apply { inPremultiplied = false; inScaled = false }
        LiteRtClassifier(instrumentation.targetContext).use { classifier ->
            val rows = golden.getJSONArray("scores")
            for (place in 0 until rows.length()) {
                val picture = assets.open("golden/$place.png").use { BitmapFactory.decodeStream(it, null, options)!! }
                val got = classifier.probabilities(picture)
                val wanted = rows.getJSONArray(place)
                for (i in got.indices) {
                    val error = abs(got[i] - wanted.getDouble(i))
                    assertTrue("sample $place, class $i: off by $error", error <= golden.getDouble("tolerance"))
                }
            }
        }
    }
}

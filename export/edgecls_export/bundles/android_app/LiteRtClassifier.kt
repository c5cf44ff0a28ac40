package edgecls

import android.content.Context
import android.graphics.Bitmap
import java.nio.ByteBuffer
import org.tensorflow.lite.Interpreter

/** The model on LiteRT, with the pixels of `edgecls run`. For one thread at a time. */
class LiteRtClassifier(context: Context, threads: Int = 4) : AutoCloseable {
    private val interpreter: Interpreter
    private val scores: Scores

    init {
        val model = context.assets.open(Model.FILE).use { it.readBytes() }
        val buffer = ByteBuffer.allocateDirect(model.size).put(model).apply { rewind() }
        interpreter = Interpreter(buffer, Interpreter.Options().setNumThreads(threads))
        val labels = context.assets.open("labels.txt").bufferedReader().use { it.readLines() }
        scores = Scores(labels, Model.GROUPS, Model.TEMPERATURE, Model.UNKNOWN_THRESHOLD)
    }

    /** Say what a bitmap shows; it must be upright (EXIF and camera rotation applied). */
    fun classify(bitmap: Bitmap): Answer = scores.answer(probabilities(bitmap))

    /** The model's own output, in the order of labels.txt. */
    fun probabilities(bitmap: Bitmap): FloatArray {
        val input = Pixels.resize(bitmap.argb(), bitmap.height, bitmap.width, Model.RULE)
        val buffer = ByteBuffer.allocateDirect(input.pixels.size).put(input.pixels).apply { rewind() }
        val output = arrayOf(FloatArray(Model.CLASSES))
        interpreter.run(buffer, output)
        return output[0]
    }

    override fun close() = interpreter.close()
}

internal fun Bitmap.argb(): IntArray = IntArray(width * height).also { getPixels(it, 0, width, 0, 0, width, height) }

package edgecls

import android.content.Context
import android.graphics.Bitmap
import com.google.mediapipe.framework.image.BitmapImageBuilder
import com.google.mediapipe.tasks.core.BaseOptions
import com.google.mediapipe.tasks.vision.imageclassifier.ImageClassifier

/**
 * The model on MediaPipe Tasks, which reads labels and threshold from the file's metadata.
 *
 * The picture is brought to the input size here, by the model's own rule: MediaPipe would stretch it. Its scores are
 * those before temperature and groups, and below the file's threshold it returns nothing, which means unknown.
 */
class MediaPipeClassifier(context: Context) : AutoCloseable {
    private val classifier: ImageClassifier = ImageClassifier.createFromOptions(
        context,
        ImageClassifier.ImageClassifierOptions.builder()
            .setBaseOptions(BaseOptions.builder().setModelAssetPath(Model.FILE).build())
            .setMaxResults(1)
            .build(),
    )

    /** Return label and probability of an upright bitmap; null if unknown. */
    fun classify(bitmap: Bitmap): Pair<String, Float>? {
        val input = Pixels.resize(bitmap.argb(), bitmap.height, bitmap.width, Model.RULE)
        val result = classifier.classify(BitmapImageBuilder(input.toBitmap()).build())
        val best = result.classificationResult().classifications().first().categories().firstOrNull()
        return best?.let { it.categoryName() to it.score() }
    }

    override fun close() = classifier.close()
}

internal fun Picture.toBitmap(): Bitmap {
    val argb = IntArray(height * width) { place ->
        val (r, g, b) = List(3) { pixels[3 * place + it].toInt() and 0xff }
        (0xff shl 24) or (r shl 16) or (g shl 8) or b
    }
    return Bitmap.createBitmap(argb, width, height, Bitmap.Config.ARGB_8888)
}
